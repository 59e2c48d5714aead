"""Rows of each kind, hit and missed: by each of its conditions alone, so that the row would have
been another one had the RTL not seen it.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hybridmesh.compiler import compile_table
from hybridmesh.config import load
from hybridmesh.contract.geometry import ROW_TOUCH, Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.contract.verdict import NO_ROW, Flag, Reason, Verdict

from .model import Bin, Group

__all__ = ["PORTS", "Request", "groups", "image", "outcome", "requests"]

_TABLE = Path(__file__).with_name("conditions.yaml")

PORTS = (80, 8080)
"""The listeners; row ``listener`` is the first one's alone."""

_OUTCOMES = ("decided", "provisional", "touched", "missed", "repeated")


class _Kind(NamedTuple):
    """Requests that hit a row and that miss it: a target, a host, and lines of their own; a method
    before the target if it is not GET, ``@8080`` behind it for that port."""

    hit: tuple[str, ...]
    missed: tuple[tuple[str, ...], ...]
    outcome: str = "decided"
    twice: tuple[str, ...] = ()


_HOST = "Host: a"
_DIGITS = "0123456789" * 6 + "0123456"

_KINDS = {
    "path-exact": _Kind(("/exact", _HOST), (("/exac", _HOST), ("/exact/", _HOST))),
    "path-prefix": _Kind(("/prefix/x", _HOST), (("/prefix", _HOST), ("/prefiy/x", _HOST))),
    "path-exact-any-case": _Kind(("/fOLDED", _HOST), (("/f0LDED", _HOST), ("/Foldedx", _HOST))),
    "path-prefix-any-case": _Kind(("/bEGINS/x", _HOST), (("/bEG1NS/x", _HOST),)),
    "path-regex": _Kind(("/regex/17", _HOST), (("/rege", _HOST),), "provisional"),
    "path-longer-than-the-key": _Kind(
        (f"/{_DIGITS}/x", _HOST),
        ((f"/{_DIGITS[:60]}x", _HOST),),
        "provisional",
    ),
    "method": _Kind(("PUT /method", _HOST), (("/method", _HOST), ("POST /method", _HOST))),
    "header-exact": _Kind(
        ("/header-exact", _HOST, "X-Exact: one"),
        (
            ("/header-exact", _HOST, "X-Exact: ones"),
            ("/header-exact", _HOST, "X-Exact: on"),
            ("/header-exact", _HOST),
        ),
        twice=("/header-exact", _HOST, "X-Exact: one", "X-Exact: one"),
    ),
    "header-prefix": _Kind(
        ("/header-prefix", _HOST, "x-prefix: ones"),
        (("/header-prefix", _HOST, "x-prefix: on"), ("/header-prefix", _HOST)),
        twice=("/header-prefix", _HOST, "x-prefix: one", "x-prefix: one"),
    ),
    "header-present": _Kind(
        ("/header-present", _HOST, "x-present: y"),
        (("/header-present", _HOST), ("/header-present", _HOST, "x-presence: y")),
        twice=("/header-present", _HOST, "x-present: y", "x-present: n"),
    ),
    "header-absent": _Kind(
        ("/header-absent", _HOST),
        (("/header-absent", _HOST, "x-absent: y"),),
        twice=("/header-absent", _HOST, "x-absent: y", "x-absent: n"),
    ),
    "header-regex": _Kind(
        ("/header-regex", _HOST, "x-regex: aab"),
        (("/header-regex", _HOST),),
        "provisional",
        twice=("/header-regex", _HOST, "x-regex: ab", "x-regex: b"),
    ),
    "query-exact": _Kind(
        ("/query-exact?page=2", _HOST),
        (("/query-exact?page=20", _HOST), ("/query-exact?page", _HOST), ("/query-exact", _HOST)),
        twice=("/query-exact?page=2&page=2", _HOST),
    ),
    "query-prefix": _Kind(
        ("/query-prefix?a=b&sort=up1", _HOST),
        (("/query-prefix?sort=u", _HOST), ("/query-prefix", _HOST)),
        twice=("/query-prefix?sort=up&sort=up", _HOST),
    ),
    "touched": _Kind(("/touched", _HOST), (("/touche", _HOST),), "touched"),
    "listener": _Kind(("/listener", _HOST), (("/listener@8080", _HOST),)),
    "host-exact": _Kind(
        ("/host-exact", "Host: Shop.test:80"),
        (("/host-exact", "Host: ashop.test"), ("/host-exact", "Host: shop.tes")),
    ),
    "host-suffix": _Kind(
        ("/host-suffix", "Host: a.wild.test"),
        (("/host-suffix", "Host: wild.test"), ("/host-suffix", "Host: a.wold.test")),
    ),
}


def groups(geometry: Geometry) -> tuple[Group, ...]:
    return (
        Group(
            f"width{geometry.width}_condition",
            "what a row asks for, and what became of it",
            {"row": tuple(_KINDS), "outcome": _OUTCOMES},
            _argued(),
        ),
    )


def _argued() -> dict[Bin, str]:
    argued: dict[Bin, str] = {}
    for name, kind in _KINDS.items():
        hits = {"decided", "provisional", "touched"} - {kind.outcome}
        argued |= {(name, outcome): "the row has other flags" for outcome in hits}
        if not kind.twice:
            argued[name, "repeated"] = "it asks for no field, and no parameter"
    return argued


class Request(NamedTuple):
    """A request, the port that it goes to, and what must come of it: an outcome of row *kind*."""

    kind: str
    outcome: str
    head: bytes
    port: int


def requests() -> Iterator[Request]:
    for name, kind in _KINDS.items():
        yield _request(name, kind.outcome, kind.hit)
        yield from (_request(name, "missed", words) for words in kind.missed)
        if kind.twice:
            yield _request(name, "repeated", kind.twice)


def _request(kind: str, outcome: str, words: tuple[str, ...]) -> Request:
    target, *lines = words
    target, _, port = target.partition("@")
    line = target if " " in target else f"GET {target}"
    head = "\r\n".join([f"{line} HTTP/1.1", *lines, "", ""]).encode()
    return Request(kind, outcome, head, int(port or PORTS[0]))


@cache
def _compiled(geometry: Geometry) -> tuple[TableImage, dict[str, int]]:
    """The table, and its rows by name."""
    compiled = compile_table(load([_TABLE]).table, geometry)
    names = [row.route.id.rpartition("/")[2] for row in compiled.rows if row.route is not None]
    rows = {name: row for row, name in enumerate(names)}
    image = compiled.image
    image.row_flags[rows["touched"]] |= ROW_TOUCH
    image.word.allow(rows["listener"], 1, 0xFFFF, 1 << 0)
    return image, rows


def image(geometry: Geometry) -> TableImage:
    return _compiled(geometry)[0]


def outcome(geometry: Geometry, kind: str, verdict: Verdict) -> str:
    """What *verdict* says of row *kind*."""
    if verdict.reason == Reason.REPEATED:
        return "repeated"
    if verdict.row == NO_ROW and verdict.flags & Flag.DECIDED:
        return "missed"
    if verdict.row != _compiled(geometry)[1][kind]:
        return f"row {verdict.row}, {Reason(verdict.reason).word}"
    if verdict.flags & Flag.PROVISIONAL:
        return "provisional"
    return "touched" if verdict.flags & Flag.TOUCH else "decided"

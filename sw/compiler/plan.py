"""One route as rows of the matcher: what the NIC can ask, and what is left to the CPU.

A plan never asks more than the route does.  Where the NIC cannot ask all of it, the row is a
superset and says why.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..config.model import FieldMatch, MatchKind, Route, StringMatch
from ..contract.geometry import Geometry
from ..contract.verdict import Method
from .conditions import ask_header, ask_param
from .draft import Draft, NeverError, literal
from .pattern import Pattern
from .predicates import PredicateTest
from .regex import compile_regex

__all__ = ["RowPlan", "plan"]

_KNOWN = {method.name: 1 << method for method in Method if method is not Method.OTHER}
_OTHER = 1 << Method.OTHER
_ANY_METHOD = 0xFFFF
_METHOD_LIST = re.compile(r"[A-Z]+(\|[A-Z]+)*")


@dataclass(frozen=True)
class RowPlan:
    """One row; ``methods`` has a bit per :class:`~hybridmesh.contract.verdict.Method` code.

    ``reasons`` says why the row is a superset of its route; empty where it is not.
    """

    path: Pattern
    methods: int
    tests: tuple[PredicateTest, ...]
    reasons: tuple[str, ...]


def plan(route: Route, geometry: Geometry) -> tuple[RowPlan, ...]:
    """The rows of *route*, best first; none where no decided head can match it."""
    match = route.match
    draft = Draft(geometry)
    try:
        path = _path(match.path, draft)
        _scheme(match.scheme)
        if match.authority is not None:
            ask_header(FieldMatch("host", match.authority), draft)
        for condition in match.headers:
            ask_header(condition, draft)
        for condition in match.query:
            ask_param(condition, draft)
    except NeverError:
        return ()
    tests = tuple(dict.fromkeys(draft.tests))
    return tuple(
        RowPlan(path, codes, tests, (*draft.reasons, *reasons))
        for codes, reasons in _methods(match.method)
    )


def _path(match: StringMatch | None, draft: Draft) -> Pattern:
    if match is None:
        return Pattern(b"", exact=False)
    kind, text = literal(match)
    folded = len(text) if match.ignore_case and match.kind is not MatchKind.REGEX else 0
    pattern = Pattern(text, kind is MatchKind.EXACT, folded)
    if pattern.impossible:
        raise NeverError
    if kind is MatchKind.REGEX:
        draft.leave(f"path regex {match.value!r} is for the CPU")
    elif not pattern.fits(draft.geometry.path):
        draft.leave(f"path is longer than the {draft.geometry.path_bytes} bytes looked up")
    return pattern


def _scheme(match: StringMatch | None) -> None:
    """The link is plain HTTP, so the scheme of a decided head is known."""
    if match is None:
        return
    if match.kind is MatchKind.REGEX:
        holds = compile_regex(match.value).fullmatch(b"http") is not None
    elif match.kind is MatchKind.PREFIX:
        holds = "http".startswith(match.value)
    else:
        holds = match.value == "http"
    if not holds:
        raise NeverError


def _methods(match: StringMatch | None) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Method codes to accept, and why that is a superset; methods without a code share one."""
    if match is None or (match.kind is MatchKind.PREFIX and not match.value):
        yield _ANY_METHOD, ()
        return
    if match.kind is MatchKind.REGEX and _METHOD_LIST.fullmatch(match.value):
        names = set(match.value.split("|"))
    elif match.kind is MatchKind.REGEX:
        regex = compile_regex(match.value)
        names = {name for name in _KNOWN if regex.fullmatch(name.encode())} | {match.value}
    elif match.kind is MatchKind.PREFIX:
        names = {name for name in _KNOWN if name.startswith(match.value)} | {""}
    else:
        names = {match.value}
    codes = sum(_KNOWN[name] for name in names if name in _KNOWN)
    if codes:
        yield codes, ()
    if not names <= _KNOWN.keys():
        yield _OTHER, ("the NIC knows methods beyond RFC 9110's only as 'another'",)

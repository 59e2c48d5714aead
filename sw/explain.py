"""What becomes of a request head, and why: the NIC's verdict, the route, those passed over.

Each head is sent through the NIC as the TCP segments of a connection of its own; the verdict is
that of the last segment which brings some of it.  What follows is what the gateway does with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import pairwise

from .config.model import Cluster, Forward, Mesh, Route, VirtualHost, WeightedCluster
from .contract.verdict import Verdict
from .ingress import Table
from .nic import NicDriver
from .nic.frames import Connection, split
from .proxy import verdict_fields
from .reference.head import MAX_HEAD, Head, HeadError, find_end, parse

__all__ = ["Explainer", "Explanation", "head_frames"]

_PORT = 80
_CLIENT = ("192.0.2.1", 49152)
"""A documentation address (RFC 5737): nobody's real one."""
_GATEWAY = ("192.0.2.2", _PORT)
_CONNECTION = Connection(_CLIENT, _GATEWAY)

_LF_HINT = "a line ends in LF alone, and HTTP wants CR LF"


@dataclass(frozen=True)
class Explanation:
    """What became of one head.

    Attributes
    ----------
    verdict : Verdict or None
        None where the frame came without a shim.
    head : Head or None
        None where it was refused.
    virtual_host, route : VirtualHost, Route or None
        The final answer; no route means 404.
    software : bool
        Whether the CPU had to match the head.
    error : str or None
        Why the head was refused, beginning with the status that the gateway answers.
    """

    verdict: Verdict | None
    head: Head | None = None
    virtual_host: VirtualHost | None = None
    route: Route | None = None
    software: bool = True
    error: str | None = None

    @property
    def cluster(self) -> WeightedCluster | None:
        """The destination; of several, the one that the random value 0 gives: the first with a
        weight above 0."""
        action = self.route and self.route.action
        clusters = action.clusters if isinstance(action, Forward) else ()
        return next((c for c in clusters if c.weight > 0), None)

    def fields(self) -> dict[str, object]:
        """The explanation as JSON tells it."""
        return {
            "verdict": verdict_fields(self.verdict),
            "virtual_host": self.virtual_host.name if self.virtual_host else None,
            "route": self.route.id if self.route else None,
            "cluster": self.cluster.cluster if self.cluster else None,
            "error": self.error,
        }


class Explainer:
    """Explains heads to *mesh*, the routes of which are in *table*."""

    def __init__(self, mesh: Mesh, table: Table) -> None:
        self._mesh = mesh
        self._resolver = table.resolver
        self._nic = table.nic
        if self._nic is not None:
            self._nic.listen(_PORT)

    def explain(self, heads: Sequence[bytes]) -> list[Explanation]:
        """One explanation per head.  Bytes behind a head's empty line go to the NIC as well."""
        nic = self._nic
        verdicts = [None] * len(heads) if nic is None else _verdicts(nic, heads)
        return [self._explain(*pair) for pair in zip(heads, verdicts, strict=True)]

    def passed_over(self, explanation: Explanation) -> list[tuple[Route, str]]:
        """The routes before the one that won, each with the first condition that failed."""
        head = explanation.head
        return [] if head is None else self._resolver.matcher.passed_over(head)

    def cluster(self, name: str) -> Cluster | None:
        """The cluster called *name*, None where no service is behind the name."""
        return self._mesh.clusters.get(name)

    def _explain(self, data: bytes, verdict: Verdict | None) -> Explanation:
        try:
            head = _parse(data)
        except HeadError as error:
            return Explanation(verdict, error=_refusal(error, data))
        # The gateway takes a verdict only where it expects a head: after the empty lines.
        skipped = data.find(head.raw)
        expected = verdict if verdict is not None and verdict.head_offset == skipped else None
        return Explanation(verdict, head, *self._resolver.resolve(head, expected))


def head_frames(data: bytes) -> list[bytes]:
    """The frames that bring the head at the start of *data*, none behind it; the first one opens
    their connection."""
    end = find_end(data)
    mss = _CONNECTION.mss
    return _frames(data if end < 0 else data[: -(-end // mss) * mss])


def _frames(data: bytes) -> list[bytes]:
    return [_CONNECTION.opening(0), *_CONNECTION.frames(0, data)]


def _verdicts(nic: NicDriver, heads: Sequence[bytes]) -> list[Verdict | None]:
    frames: list[bytes] = []
    ends = []
    for head in heads:
        frames += _frames(head)
        ends.append(len(frames))
    came = [split(frame)[0] for frame in nic.exchange(frames)]
    # The head's last verdict counts, unlike those of what comes behind it.
    verdicts = []
    for start, end in pairwise([0, *ends]):
        of_head = [v for v in came[start:end] if v is not None and v.seq == 0]
        verdicts.append(of_head[-1] if of_head else None)
    return verdicts


def _parse(data: bytes) -> Head:
    end = find_end(data)
    if end < 0 and len(data) <= MAX_HEAD:
        raise HeadError(HTTPStatus.REQUEST_TIMEOUT, "the empty line that ends a head is missing")
    return parse(data[:end] if end >= 0 else data)


def _refusal(error: HeadError, data: bytes) -> str:
    status = HTTPStatus(error.status)
    hints = [_LF_HINT] if data.count(b"\n") > data.count(b"\r\n") else []
    return "; ".join([f"{status.value} {status.phrase}: {error.detail}", *hints])

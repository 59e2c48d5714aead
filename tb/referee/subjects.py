"""Who stands before the referee: the reference model, and the RTL at a width.

The RTL gets every head over two connections that are opened for it: in as few segments as it fits
into, and in segments that are cut at random.  What it says of any segment is judged, and must be
what the model says.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import NamedTuple, Protocol

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import Reason, Verdict
from hybridmesh.nic import NicDriver, ReferenceNic, SimulatedNic
from hybridmesh.nic.frames import Connection, split
from hybridmesh.reference.classifier import classify
from hybridmesh.reference.flows import Succession, message_length
from hybridmesh.reference.lexer import Lexed, lex, lex_all

from .heads import Case
from .judge import complaints, framing_complaints, start_complaints
from .table import table

__all__ = ["SUBJECTS", "Entry", "Model", "Outcome", "Rtl", "Subject"]


class Outcome(NamedTuple):
    """What has been said of one head.

    Attributes
    ----------
    verdicts : dict of str to Verdict or None
        The last one of the head by how it was sent; None without a shim.
    complaints : list of str
        What is wrong with any of them.
    """

    verdicts: dict[str, Verdict | None]
    complaints: list[str]


class Subject(Protocol):
    """One that gives verdicts."""

    def judge(self, cases: Sequence[Case]) -> list[Outcome]:
        """What it says of each of *cases*, and the referees of that."""


class Model:
    """The reference model: the golden lexer and classifier, for the default geometry."""

    def __init__(self) -> None:
        self._image = table(Geometry())

    def judge(self, cases: Sequence[Case]) -> list[Outcome]:
        lexed = lex_all([case.payload for case in cases])
        return [self._judge(case.payload, of) for case, of in zip(cases, lexed, strict=True)]

    def _judge(self, payload: bytes, lexed: Lexed) -> Outcome:
        verdict = classify(payload, self._image, epoch=1, lexed=lexed)
        found = complaints(verdict, payload)
        if verdict is not None:
            length = message_length(payload, lexed)
            found += framing_complaints(payload, lexed.head_length, length)
        return Outcome({"whole": verdict}, found)


_PORT = 80
_CONNECTIONS = (
    Connection(("192.0.2.1", 49152), ("192.0.2.2", _PORT)),
    Connection(("2001:db8::1", 49152), ("2001:db8::2", _PORT)),
)
"""Documentation addresses (RFC 5737, RFC 3849): nobody's real ones."""


class _Sending(NamedTuple):
    """The frames of a connection that brings one head."""

    case: Case
    frames: list[bytes]
    parts: list[tuple[int, int]]
    """By frame: first byte and end of its part of the payload."""


class Rtl:
    """The whole NIC, beside the model of it."""

    def __init__(self, nic: NicDriver) -> None:
        self._lexed: dict[bytes, Lexed] = {}
        self._nic = _ready(nic)
        self._model = _ready(ReferenceNic(nic.geometry, self._lex))

    def judge(self, cases: Sequence[Case]) -> list[Outcome]:
        whole = self._send([_sending(case, ()) for case in cases])
        cut = self._send([_sending(case, case.cuts) for case in cases])
        return [
            Outcome({"whole": one, "cut": other}, [*against_one, *against_other])
            for (one, against_one), (other, against_other) in zip(whole, cut, strict=True)
        ]

    def _send(self, sendings: Sequence[_Sending]) -> list[tuple[Verdict | None, list[str]]]:
        """The last verdict of each head, and what is wrong with any of its segments'."""
        self._lex_before(sendings)
        frames = [frame for sending in sendings for frame in sending.frames]
        said, expected = (map(split, nic.exchange(frames)) for nic in (self._nic, self._model))
        return [_judge(sending, said, expected) for sending in sendings]

    def _lex_before(self, sendings: Sequence[_Sending]) -> None:
        """Lex all that the model will want to be lexed, at once."""
        succession = Succession(self._nic.geometry)
        heads = {
            succession.came(number, 1, start, sending.case.payload[start:end], intact=True).data
            for number, sending in enumerate(sendings)
            for start, end in sending.parts
            if start < end
        }
        ordered = list(heads)
        self._lexed = dict(zip(ordered, lex_all(ordered), strict=True))

    def _lex(self, payload: bytes) -> Lexed:
        return self._lexed.get(payload) or lex(payload)


def _ready(nic: NicDriver) -> NicDriver:
    nic.listen(_PORT)
    nic.load(table(nic.geometry))
    return nic


def _sending(case: Case, cuts: Sequence[int]) -> _Sending:
    """*case* over a connection of its own, cut at *cuts* and where a frame is full."""
    connection = _CONNECTIONS[case.number % len(_CONNECTIONS)]
    parts = [
        (at, min(at + connection.mss, end))
        for start, end in pairwise((0, *cuts, len(case.payload)))
        for at in range(start, end, connection.mss)
    ]
    frames = [connection.frame(case.seq + a, case.payload[a:b]) for a, b in parts]
    return _Sending(case, [connection.opening(case.seq), *frames], [(0, 0), *parts])


_Frames = Iterator[tuple[Verdict | None, bytes]]


def _judge(sending: _Sending, said: _Frames, expected: _Frames) -> tuple[Verdict | None, list[str]]:
    """What has come of *sending*; *said* and *expected* give its frames next."""
    last, found = None, []
    payload, seq = sending.case.payload, sending.case.seq
    for frame, (_, end) in zip(sending.frames, sending.parts, strict=True):
        (verdict, came), (wanted, _) = next(said), next(expected)
        if came != frame:
            found.append(f"a frame came out as {came!r}")
        if verdict is not None:
            verdict = verdict._replace(latency=0)
        if verdict != wanted:
            found.append(f"the RTL says {verdict}, the model {wanted}")
        if verdict is None:
            continue
        start = (verdict.seq - seq) % (1 << 32)
        found += start_complaints(verdict, payload[:start])
        found += complaints(verdict, payload[start:end], payload[end:])
        if not start:
            last = verdict
    return last, found


def _simulated(geometry: Geometry) -> Rtl:
    return Rtl(SimulatedNic(geometry))


_SMALL = Geometry(rows=32, hosts=16, predicates=16)
"""Built in less time; it is the parsing that matters here."""

_REASONS = frozenset(Reason) - {Reason.NONE, Reason.TABLE_OFF, Reason.UNKNOWN_START}


@dataclass(frozen=True)
class Entry:
    """A subject that there is.

    Attributes
    ----------
    open : callable
        Makes it.
    heads : int
        How many it is shown.
    reasons : frozenset of Reason
        Those that the bytes of a head can be to it.
    rooms : tuple of str
        The packages that it is made of.
    """

    open: Callable[[], Subject]
    heads: int
    reasons: frozenset[Reason] = _REASONS
    rooms: tuple[str, ...] = ("contract", "reference", "nic", "rtl")


SUBJECTS = {
    "model": Entry(Model, 1_000_000, rooms=("contract", "reference")),
    # At width 1 no parameter comes too soon behind the one before it.
    "width1": Entry(
        partial(_simulated, replace(_SMALL, width=1)), 100_000, _REASONS - {Reason.CROWDED}
    ),
    "width8": Entry(partial(_simulated, Geometry(width=8)), 100_000),
    "width64": Entry(partial(_simulated, replace(_SMALL, width=64)), 20_000),
}

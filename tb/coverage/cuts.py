"""Heads in several segments: cut at every byte, and what else may come between two parts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from typing import TYPE_CHECKING, NamedTuple

from hybridmesh.contract.flow import joins
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import ROLE, Role
from hybridmesh.contract.verdict import Reason, Verdict
from hybridmesh.nic.frames import Connection, locate_segment
from tb.lib.plain import states
from tb.lib.traffic import PORT

from .errors import DisagreementError
from .model import Bin, Group
from .nic import Frame

if TYPE_CHECKING:
    from .pair import Pair

__all__ = ["everywhere", "groups", "scenarios"]

_HEAD = (
    b"DELETE /path/of?page=7&a HTTP/1.1\r\nHost: shop.test:8080\r\nContent-Length: 3\r\n"
    b"Connection: keep-alive\r\nX-Long: 0123456789012345678901234567890123456789\r\n\r\n"
)
_PARTS = [Role(role).name.lower() for role in states(ROLE, _HEAD)]
_ROLES = tuple(role.name.lower() for role in Role if role is not Role.DONE)


def groups(geometry: Geometry) -> tuple[Group, ...]:
    width = f"width{geometry.width}"
    lanes = tuple(str(lane) for lane in range(geometry.width))
    return (
        Group(
            f"{width}_cut",
            "the part of the head that its second segment begins in, and in how many it came",
            {"role": _ROLES, "segments": ("two", "three", "one byte each")},
        ),
        Group(
            f"{width}_join",
            "the lane in which a head goes on",
            {"lane": lanes},
            _never_joined(geometry),
        ),
        Group(
            f"{width}_succession",
            "what came between two parts of a head, or of a connection",
            {"case": tuple(_SCENARIOS)},
        ),
    )


def _never_joined(geometry: Geometry) -> dict[Bin, str]:
    return {
        (str(lane),): "the first beat of the next frame would fill the beat, and there is no clock"
        for lane in range(geometry.width)
        if not joins(geometry, lane)
    }


def everywhere(pair: Pair, rng: random.Random) -> None:
    """Cut a head behind every byte, in two, three and as many segments as there can be."""
    end = len(_HEAD)
    cases: list[tuple[tuple[int, ...], str]] = [((cut,), "two") for cut in range(1, end)]
    cases += [((cut, rng.randrange(cut + 1, end)), "three") for cut in range(1, end - 1)]
    cases.append((tuple(range(1, end)), "one byte each"))
    sent = [_Line.new(rng) for _ in cases]
    frames = []
    for line, (cuts, _) in zip(sent, cases, strict=True):
        frames.append(line.syn())
        frames += [line.part(at, _HEAD[at:to]) for at, to in pairwise((0, *cuts, end))]
    verdicts = iter(pair.verdicts(frames))
    for line, (cuts, how) in zip(sent, cases, strict=True):
        _, _, *rest = islice(verdicts, len(cuts) + 2)
        for at, verdict in zip(cuts, rest, strict=True):
            if verdict is not None and verdict.seq == line.seq:
                pair.hit("cut", _PARTS[at], how)
                pair.hit("join", str(at % pair.geometry.width))


class _Line(NamedTuple):
    """A connection, and where its next byte stands."""

    connection: Connection
    seq: int

    @classmethod
    def new(cls, rng: random.Random, address: str = "192.0.2.1") -> _Line:
        ends = (address, rng.randrange(1, 65536)), ("198.51.100.1", PORT)
        return cls(Connection(*ends), rng.getrandbits(32))

    def syn(self) -> Frame:
        return Frame(self.connection.opening(self.seq))

    def part(self, start: int, data: bytes) -> Frame:
        return Frame(self.connection.frame(self.seq + start, data))


_A, _B = _HEAD[:30], _HEAD[30:]
_OTHER = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
_BODY = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(_OTHER)
_CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
_CHUNKS = b"5\r\nGET /\r\n0\r\n\r\n"


class _Scenario(NamedTuple):
    """Frames of two connections, and what the verdict of the last one must be: whether of a head
    that an earlier frame began, and a reason; None: no verdict."""

    frames: Callable[[_Line, _Line], Iterator[Frame]]
    joined: bool
    reason: Reason | None = Reason.NONE


def _bad(frame: Frame) -> Frame:
    """With another byte, and the checksum as it was."""
    return Frame(frame.data[:-1] + bytes([frame.data[-1] ^ 1]))


def _between(*between: Frame) -> Callable[[_Line, _Line], Iterator[Frame]]:
    return lambda a, b: iter((a.syn(), a.part(0, _A), *between, a.part(30, _B)))


def _in_parts(*parts: bytes) -> Callable[[_Line, _Line], Iterator[Frame]]:
    def frames(a: _Line, b: _Line) -> Iterator[Frame]:
        yield a.syn()
        at = 0
        for part in parts:
            yield a.part(at, part)
            at += len(part)

    return frames


def _as(*frames: Callable[[_Line, _Line], Frame]) -> Callable[[_Line, _Line], Iterator[Frame]]:
    return lambda a, b: (frame(a, b) for frame in frames)


_FIRST = (lambda a, b: a.syn(), lambda a, b: a.part(0, _A))
_REST: Callable[[_Line, _Line], Frame] = lambda a, b: a.part(30, _B)  # noqa: E731
_LONG = b"GET /" + b"a" * 1300

_SCENARIOS = {
    "the next bytes": _Scenario(_in_parts(_A, _B), True),
    "a byte at a time": _Scenario(
        _in_parts(*(_OTHER[n : n + 1] for n in range(len(_OTHER)))), True
    ),
    "CR | LF": _Scenario(_in_parts(_HEAD[:34], _HEAD[34:]), True),
    "the last LF alone": _Scenario(_in_parts(_HEAD[:-1], _HEAD[-1:]), True),
    "the empty line alone": _Scenario(_in_parts(_HEAD[:-2], _HEAD[-2:]), True),
    "a segment without payload": _Scenario(_as(*_FIRST, lambda a, b: a.part(30, b""), _REST), True),
    "the SYN of another connection": _Scenario(_as(*_FIRST, lambda a, b: b.syn(), _REST), True),
    "a payload of another connection": _Scenario(
        _as(*_FIRST, lambda a, b: b.part(0, _OTHER), _REST), False, Reason.UNKNOWN_START
    ),
    "a gap": _Scenario(_as(*_FIRST, lambda a, b: a.part(31, _B[1:])), False, Reason.UNKNOWN_START),
    "an overlap": _Scenario(
        _as(*_FIRST, lambda a, b: a.part(28, _HEAD[28:])), False, Reason.UNKNOWN_START
    ),
    "the first part again": _Scenario(_as(*_FIRST, _FIRST[1], _REST), True),
    "the whole head again": _Scenario(_as(*_FIRST, lambda a, b: a.part(0, _HEAD)), False),
    "a part is damaged": _Scenario(
        _as(_FIRST[0], lambda a, b: _bad(a.part(0, _A)), _REST), False, None
    ),
    "the last part is damaged": _Scenario(
        _as(*_FIRST, lambda a, b: _bad(_REST(a, b))), False, None
    ),
    "8 kB are not gone on with": _Scenario(
        _in_parts(_LONG, *(b"b" * 1300 for _ in range(6)), b"b HTTP/1.1\r\nHost: a\r\n\r\n"),
        False,
        Reason.UNKNOWN_START,
    ),
    "it does not begin like a head": _Scenario(
        _in_parts(b"XGET / HTTP/1.1\r\n", b"Host: a\r\n\r\n"), False, Reason.UNKNOWN_START
    ),
    "no connection was opened": _Scenario(_as(_FIRST[1], _REST), True, Reason.UNKNOWN_START),
    "a body by length": _Scenario(_in_parts(_BODY, _OTHER), False, None),
    "a head behind a body by length": _Scenario(_in_parts(_BODY, _OTHER, _OTHER), False),
    "a head behind a body in its segment": _Scenario(_in_parts(_BODY + _OTHER, _OTHER), False),
    "a head behind another in its segment": _Scenario(
        _in_parts(_OTHER + _OTHER, _OTHER), False, Reason.UNKNOWN_START
    ),
    "a head behind a body in chunks": _Scenario(
        _in_parts(_CHUNKED, _CHUNKS, _OTHER), False, Reason.UNKNOWN_START
    ),
    "a body sent again": _Scenario(
        _as(
            lambda a, b: a.syn(),
            lambda a, b: a.part(0, _BODY),
            lambda a, b: a.part(len(_BODY), _OTHER),
            lambda a, b: a.part(len(_BODY), _OTHER),
        ),
        False,
        None,
    ),
    "the connection is opened anew": _Scenario(
        _as(
            *_FIRST,
            lambda a, b: _Line(a.connection, a.seq + 30).syn(),
            lambda a, b: a.part(30, _OTHER),
        ),
        False,
        None,
    ),
    "sequence numbers come round": _Scenario(
        lambda a, b: _in_parts(_A, _B)(a._replace(seq=2**32 - 15), b), True
    ),
    "farther than a quarter": _Scenario(
        _as(_FIRST[0], lambda a, b: a.part(2**30 + 1, _OTHER), lambda a, b: a.part(0, _OTHER)),
        False,
        Reason.UNKNOWN_START,
    ),
    "as far before": _Scenario(
        _as(_FIRST[0], lambda a, b: a.part(-(2**30), _OTHER), lambda a, b: a.part(0, _OTHER)), False
    ),
}


def scenarios(pair: Pair, rng: random.Random) -> None:
    """Each of them, over connections of their own."""
    for name, scenario in _SCENARIOS.items():
        frames = list(scenario.frames(_Line.new(rng), _Line.new(rng, "192.0.2.2")))
        last = pair.verdicts(frames)[-1]
        _check(name, scenario, last, frames[-1])
        pair.hit("succession", name)


def _check(name: str, scenario: _Scenario, last: Verdict | None, frame: Frame) -> None:
    segment = locate_segment(frame.data)
    assert segment is not None
    said = None if last is None else Reason(last.reason)
    joined = last is not None and last.seq != segment.seq
    if (said, joined) != (scenario.reason, scenario.joined):
        raise DisagreementError(f"{said!r}, joined: {joined}; {scenario}", place=name)

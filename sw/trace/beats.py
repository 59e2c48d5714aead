"""What a NIC did with one request, beat by beat: read from the waves, nothing of it worked out.

Each beat stands at the clock in which its stage had it.  Clock 0 brings the first one from the
wire.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..contract.geometry import Geometry
from ..contract.grammar import Line, Mark, Role
from ..contract.verdict import SHIM, Reason, Verdict
from .samples import Samples, read_samples

__all__ = ["Judgement", "KeyBeat", "LexedBeat", "LexedByte", "Lookup", "StreamBeat", "Trace"]

Rows = frozenset[int]


@dataclass(frozen=True)
class StreamBeat:
    """A beat of a frame, on the wire or to the host."""

    clock: int
    data: bytes
    last: bool


@dataclass(frozen=True)
class LexedByte:
    """A byte of the payload, and what the lexer says of it; rules are why a head is not decided."""

    value: int
    role: Role
    line: Line
    marks: frozenset[Mark]
    rules: frozenset[Reason]


@dataclass(frozen=True)
class LexedBeat:
    """A beat behind the lexer; None in lanes without payload."""

    clock: int
    lanes: tuple[LexedByte | None, ...]


@dataclass(frozen=True)
class KeyBeat:
    """A beat of the path, as it is looked up, and the rows that match all of it so far.

    Byte *n* of a path is in lane *n* modulo the width; None in lanes without one.  The byte after
    the last is the terminator.
    """

    clock: int
    lanes: tuple[int | None, ...]
    end: bool
    rows: Rows


@dataclass(frozen=True)
class Lookup:
    """The rows that each condition leaves, those that all leave, and the lowest of them."""

    clock: int
    by_path: Rows
    by_call: Rows
    """By method, listener, field lines and query parameters."""
    by_host: Rows
    left: Rows
    row: int | None


@dataclass(frozen=True)
class Judgement:
    """What the NIC says of a frame; ``verdict`` is None where it goes on without a shim."""

    clock: int
    verdict: Verdict | None


@dataclass(frozen=True)
class Trace:
    """The beats of all stages.

    Attributes
    ----------
    width : int
        Bytes per beat.
    clocks : int
        How many there are.
    predicates : tuple of (int, frozenset of int)
        The clocks in which a line or parameter was found to meet predicates, and those.
    lookups : tuple of Lookup
        Those of decided heads; for others the rows are of no meaning.
    judgements : tuple of Judgement
        One for each frame.
    """

    width: int
    clocks: int
    wire: tuple[StreamBeat, ...]
    lexed: tuple[LexedBeat, ...]
    path: tuple[KeyBeat, ...]
    predicates: tuple[tuple[int, frozenset[int]], ...]
    lookups: tuple[Lookup, ...]
    judgements: tuple[Judgement, ...]
    host: tuple[StreamBeat, ...]

    @classmethod
    def read(cls, path: Path, geometry: Geometry) -> "Trace":
        """The trace in the waves that a NIC of *geometry* wrote to *path*, as VCD."""
        return _Reader(read_samples(path, geometry), geometry.width).trace()


T = TypeVar("T")


class _Reader:
    def __init__(self, samples: Samples, width: int) -> None:
        self._samples = samples
        self._width = width

    def trace(self) -> Trace:
        judgements = self._each("verdict", lambda _, clock: self._judgement(clock))
        lookups = self._each("row", lambda _, clock: self._lookup(clock))
        return Trace(
            width=self._width,
            clocks=len(self._samples["wire_beat"]),
            wire=self._each("wire", self._stream),
            lexed=self._each("lexer", lambda _, clock: self._lexed(clock)),
            path=self._each("path", lambda _, clock: self._key(clock)),
            predicates=tuple(self._predicates()),
            lookups=tuple(
                lookup
                for lookup, judgement in zip(lookups, judgements, strict=True)
                if judgement.verdict is not None and judgement.verdict.usable
            ),
            judgements=judgements,
            host=self._each("host", self._stream),
        )

    def _each(self, stage: str, beat: Callable[[str, int], T]) -> tuple[T, ...]:
        """The beats of *stage*."""
        clocks = enumerate(self._samples[f"{stage}_beat"])
        return tuple(beat(stage, clock) for clock, valid in clocks if valid)

    def _stream(self, stage: str, clock: int) -> StreamBeat:
        count = self._samples[f"{stage}_keep"][clock].bit_count()
        data = self._text(stage, clock)[:count]
        return StreamBeat(clock, data, bool(self._samples[f"{stage}_last"][clock]))

    def _lexed(self, clock: int) -> LexedBeat:
        text, mask = self._text("lexer", clock), self._lanes("lexer_mask", clock)
        roles = {role: self._lanes(f"role_{role.name.lower()}", clock) for role in Role}
        lines = {line: self._lanes(f"line_{line.name.lower()}", clock) for line in Line}
        marks = {mark: self._lanes(f"mark_{mark.name.lower()}", clock) for mark in Mark}
        rules = {r: self._lanes(f"rule_{r.name.lower()}", clock) for r in Reason if r}

        def byte(lane: int) -> LexedByte:
            return LexedByte(
                text[lane],
                next(role for role in Role if roles[role][lane]),
                next(line for line in Line if lines[line][lane]),
                frozenset(mark for mark in Mark if marks[mark][lane]),
                frozenset(reason for reason in rules if rules[reason][lane]),
            )

        lanes = (byte(lane) if mask[lane] else None for lane in range(self._width))
        return LexedBeat(clock, tuple(lanes))

    def _key(self, clock: int) -> KeyBeat:
        text, mask = self._text("path", clock), self._lanes("path_mask", clock)
        lanes = (value if used else None for value, used in zip(text, mask, strict=True))
        end = bool(self._samples["path_end"][clock])
        return KeyBeat(clock, tuple(lanes), end, self._set("path_rows", clock))

    def _predicates(self) -> Iterator[tuple[int, frozenset[int]]]:
        before = self._set("predicates_met", 0)  # of a frame long gone
        for clock in range(len(self._samples["predicates_met"])):
            met = self._set("predicates_met", clock)
            if met - before:
                yield clock, met - before
            before = met

    def _lookup(self, clock: int) -> Lookup:
        found = self._samples["row_found"][clock]
        return Lookup(
            clock,
            by_path=self._set("row_by_path", clock),
            by_call=self._set("row_by_call", clock),
            by_host=self._set("row_by_host", clock),
            left=self._set("row_left", clock),
            row=self._samples["row_number"][clock] if found else None,
        )

    def _judgement(self, clock: int) -> Judgement:
        if not self._samples["verdict_insert"][clock]:
            return Judgement(clock, None)
        fields = {f.name: self._samples[f"verdict_{f.name}"][clock] for f in SHIM.fields}
        return Judgement(clock, Verdict(**fields))

    def _text(self, stage: str, clock: int) -> bytes:
        return self._samples[f"{stage}_text"][clock].to_bytes(self._width, "big")

    def _lanes(self, name: str, clock: int) -> list[bool]:
        """By lane, whether its bit is set."""
        value = self._samples[name][clock]
        return [bool(value >> lane & 1) for lane in reversed(range(self._width))]

    def _set(self, name: str, clock: int) -> frozenset[int]:
        value = self._samples[name][clock]
        return frozenset(n for n in range(value.bit_length()) if value >> n & 1)

"""Where headers stand in a frame, seen from its beats.

No header moves by less than a 32-bit word, so a beat's index is compared with a header's place in
words, once for each header, and all else is chosen from constants: which beat after that one holds
a byte, and in which lane.  Nothing is added on the way to the registers that take the bytes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from amaranth.hdl import Array, C, Cat, Module, Signal, Value
from amaranth.lib import data
from amaranth.utils import exact_log2

__all__ = [
    "BEHIND_TYPE",
    "TYPED",
    "Header",
    "addresses",
    "choose",
    "header_at",
    "reached",
    "since",
    "starts_at",
    "until",
    "within",
]

BEHIND_TYPE = 2
"""Bytes from the start of a word to that of a header: the EtherType stands in the same word."""

TYPED = (14, 18, 22)
"""Where the header behind the EtherType stands, by the number of tags."""

IPV4_ADDRESSES, IPV6_ADDRESSES = range(12, 20), range(8, 40)
"""Bytes of the IP header that hold them."""


@dataclass(frozen=True)
class Header:
    """A header as it passes.

    Attributes
    ----------
    at : View of cursor_beat
    starts : sequence of int
        Where it can begin, in bytes from the start of the beat that ``passing[0]`` is set with.
    which : Value
        Number of the one of ``starts`` that holds.
    passing : sequence of Value
        The beat stands so many behind that one.
    before : Value or None
        Data of the beat before, if what ``passing[0]`` shows shall be taken with the next beat, so
        that no register waits for the comparison.
    """

    at: data.View
    starts: Sequence[int]
    which: Value
    passing: Sequence[Value]
    before: Value | None = None

    def take(self, m: Module, field: Value, k: int) -> None:
        """Take *field*, most significant byte first, from byte *k* on as it passes.

        It holds the bytes that the beats up to this one have shown one clock after it; those that
        they have not shown are still a former frame's.
        """
        size = len(field) // 8
        for n in range(size):
            spots = [self._spot(start + k + n) for start in self.starts]
            here, byte = (choose(self.which, values) for values in zip(*spots, strict=True))
            with m.If(here):
                m.d.sync += field.word_select(size - 1 - n, 8).eq(byte)

    def _spot(self, place: int) -> tuple[Value, Value]:
        """When the byte at *place* is taken, and from where."""
        beat, lane = divmod(place, len(self.at.keep))
        if beat == 0 and self.before is not None:
            return self.passing[1], self.before.word_select(lane, 8)
        return self.passing[beat], self.at.data.word_select(lane, 8)

    def begins(self) -> Value:
        """Whether it begins in this beat."""
        return self._reaches(0)

    def ends(self, words: Value, sizes: range) -> Value:
        """Whether the byte behind it is in this beat, if it has *words* 32-bit words.

        A number that is not one of *sizes*, a former frame's or wrong, puts it in no beat.
        """
        never = [C(0, 1)] * sizes.start
        return choose(words, [*never, *(self._reaches(4 * size) for size in sizes)])

    def _reaches(self, k: int) -> Value:
        beats = [(start + k) // len(self.at.keep) for start in self.starts]
        return choose(self.which, [self.passing[beat] for beat in beats])


def header_at(
    m: Module,
    at: data.View,
    valid: Value,
    words: Value,
    size: int,
    before: Value | None = None,
) -> Header:
    """The header that is *words* 32-bit words and two bytes from the frame's start."""
    starts, which = starts_at(at, words)
    m.d.comb += (here := Signal()).eq(at.index == Cat(C(0, 2), words)[exact_log2(len(at.keep)) :])
    passing = [here]
    for _ in range((starts[-1] + size - 1) // len(at.keep)):
        with m.If(valid):
            m.d.sync += (later := Signal()).eq(passing[-1] & ~at.last)
        passing.append(later)
    return Header(at, starts, which, passing, before)


def starts_at(at: data.View, words: Value) -> tuple[Sequence[int], Value]:
    """Where in a beat a header can begin, and which of that holds for the one at *words*."""
    width = len(at.keep)
    return range(BEHIND_TYPE, max(width, 4), 4), words[: max(exact_log2(width) - 2, 0)]


def since(
    m: Module, at: data.View, valid: Value, here: Value, starts: Sequence[int], which: Value
) -> tuple[Signal, Signal]:
    """Whether something began in a beat before, and by lane of the beat *at*: it has begun.

    It begins *here*, where *which* of *starts* says.
    """
    begun, lanes = Signal(), Signal(len(at.keep))
    for n in range(len(lanes)):
        behind = choose(which, [C(n >= start % len(lanes), 1) for start in starts])
        m.d.comb += lanes[n].eq(begun | (here & behind))
    with m.If(valid):
        m.d.sync += begun.eq((begun | here) & ~at.last)
    return begun, lanes


def choose(which: Value, values: Sequence[Value]) -> Value:
    """The one of *values* whose number *which* is."""
    return Array(values)[which] if len(values) > 1 else values[0]


def addresses(at: data.View, tags: Value, ipv4: Value) -> Value:
    """By lane of the beat *at*: it is of an address in the IP header behind the *tags*."""
    return choose(
        ipv4,
        [
            choose(tags, [within(at, [start + k for k in places]) for start in TYPED])
            for places in (IPV6_ADDRESSES, IPV4_ADDRESSES)
        ],
    )


def within(at: data.View, places: Iterable[int]) -> Value:
    """By lane of the beat *at*: the byte stands at one of *places*, which are near the start."""
    beats: list[set[int]] = [set() for _ in at.keep]
    for place in places:
        beat, lane = divmod(place, len(beats))
        beats[lane].add(beat)
    return Cat(at.index.matches(*sorted(lane)) for lane in beats)


def reached(at: data.View, offset: Value) -> Value:
    """Whether the beat *at* or one before it holds the frame's byte at *offset*."""
    index, lane = _split(at, offset)
    return (at.index > index) | ((at.index == index) & at.keep.bit_select(lane, 1))


def until(m: Module, at: data.View, offset: Value) -> Signal:
    """By lane of the beat *at*: the byte there stands at *offset* or before it."""
    index, lane = _split(at, offset)
    earlier, same, lanes = Signal(), Signal(), Signal(len(at.keep))
    m.d.comb += [
        earlier.eq(at.index < index),
        same.eq(at.index == index),
        lanes.eq(Cat(earlier | (same & (n <= lane)) for n in range(len(lanes)))),
    ]
    return lanes


def _split(at: data.View, offset: Value) -> tuple[Value, Value]:
    """Index of the beat that holds the frame's byte at *offset*, and the byte's lane there."""
    bits = exact_log2(len(at.keep))
    return offset[bits:], offset[:bits]

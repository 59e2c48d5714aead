"""Table memories side by side: one per lane and nibble half, written, searched and read back.

Each entry holds the columns' mismatch bits, so the OR over all that was looked up is zero in the
columns that match.  Reading an entry back is a look-up of that entry alone, in a clock in which the
search needs no lane: the same OR brings it out.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hybridmesh.contract.geometry import Space

from ..layout import TableRead, TableWrite
from ..memory import TableMemory
from ..pipeline import bits_of, delayed

__all__ = ["FAN_IN", "Answer", "TableWord", "TcamArray", "levels"]

FAN_IN = 4
"""Vectors that are ORed in one clock."""

SHALLOW = 64
"""Entries up to which a memory is LUT RAM."""

COPIES = 2
"""Registers of a word to be written, for memories that are spread far."""


def levels(terms: int, kept: int) -> int:
    """Clocks in which *terms* vectors are ORed to *kept* at most."""
    count = 0
    while terms > kept:
        terms = -(-terms // FAN_IN)
        count += 1
    return count


class TableWord:
    """A :data:`~hybridmesh.rtl.layout.TableWrite`, registered and cut into the parts of *space*.

    The registers take words of the space alone: those of all spaces would be the same, and
    synthesis would make one of them, far from most.

    The words of an entry are gathered and written with its last one, so that a memory has one
    write enable, however wide it is; they come in rising order.

    Attributes
    ----------
    hit : Signal
        An entry of this space is written.
    entry, bank, data : Value
        Number of the entry, its bank, its ``32 * space.slices`` bits.
    next_hit, next_entry : Value
        As they will be in the next clock: which memory it is can be found meanwhile.
    """

    def __init__(self, m: Module, table: wiring.PureInterface, space: Space) -> None:
        slice_bits = exact_log2(space.slices)
        here = table.en & (table.space == space.number)
        mine, word, bank, data = Signal(), Signal(24), Signal(), Signal(32)
        m.d.sync += mine.eq(here)
        with m.If(here):
            m.d.sync += [word.eq(table.word), bank.eq(table.bank), data.eq(table.data)]
        number = word[:slice_bits]
        self.next_hit = mine & number.all() if slice_bits else mine
        self.next_entry = word[slice_bits:][: bits_of(space.entries)]
        self.hit = Signal()
        self.bank = Signal()
        self.entry = Signal(bits_of(space.entries))
        self.data = Signal(32 * space.slices)
        m.d.sync += [self.hit.eq(self.next_hit), self.entry.eq(self.next_entry), self.bank.eq(bank)]
        with m.If(mine):
            m.d.sync += self.data.word_select(number, 32).eq(data)


class Answer:
    """Asks the memories for an entry when they are free, and answers with a word of it.

    The question is registered, for it comes from far and can wait; one question is answered once.

    Attributes
    ----------
    wanted : Signal
        The entry ``entry`` of ``bank`` is to be read in this clock, and was known a clock before.
    """

    def __init__(
        self, m: Module, ask: wiring.PureInterface, space: Space, mine: Value, free: Value
    ) -> None:
        slice_bits = exact_log2(space.slices)
        self._m, self._ask = m, ask
        self._slice = Signal(max(slice_bits, 1))
        self.bank, self.entry = Signal(), Signal(bits_of(space.entries))
        self.wanted = Signal()
        registered, asked, answered = Signal(), Signal(), Signal()
        m.d.sync += [
            registered.eq(ask.en & (ask.space == space.number) & mine),
            asked.eq(registered & ask.en),
            self.bank.eq(ask.bank),
            self.entry.eq(ask.word >> slice_bits),
            self._slice.eq(ask.word[:slice_bits]),
            answered.eq(asked & (answered | self.wanted)),
        ]
        m.d.comb += self.wanted.eq(asked & ~answered & free)

    def give(self, value: Value, latency: int) -> None:
        """*value* holds the entry, *latency* clocks after it was wanted."""
        m, ask = self._m, self._ask
        entry = Signal(-(-len(value) // 32) * 32)
        word, there = Signal(32), delayed(m, self.wanted, latency + 2)
        m.d.sync += [
            entry.eq(value),
            word.eq(entry.word_select(self._slice, 32)),
            ask.done.eq(there),
            ask.data.eq(Mux(there, word, 0)),
        ]


class TcamArray(wiring.Component):
    """The memories of a TCAM space, or of some positions of it, and the OR of what is looked up.

    ==========  ==================================================  =============================
    stage       what happens                                        latency
    ==========  ==================================================  =============================
    address     of each memory: the search's, or to be read back    0 or 1
    memories    entries read                                        ... + TableMemory.latency
    o           lanes and halves ORed, four a clock                 ... + levels(2 lanes, terms)
    ==========  ==================================================  =============================

    Parameters
    ----------
    space : Space
    lanes : int
        Bytes that are looked up in a clock: byte *n* of a key in lane ``n % lanes``.
    positions : range
        Positions of the space that are here; as many as the lanes, or all.
    terms : int
        Vectors that may be left to be ORed.
    register : bool
        Register the addresses that are read, for memories that are spread far.

    Members
    -------
    data, mask : in
        A byte for each lane, and whether it is looked up.
    used : in
        Some lane may be looked up: known earlier than which.
    word : in, array of lanes
        The byte's position divided by ``lanes``.
    bank : in
    table : TableWrite
    ask : TableRead
    o : out, array of columns
        Their OR is the mismatch; zero where no lane was looked up.
    """

    def __init__(
        self,
        space: Space,
        lanes: int,
        *,
        positions: range | None = None,
        terms: int = 1,
        register: bool = True,
    ) -> None:
        self._space = space
        self._lanes = lanes
        self._positions = positions or range(space.positions)
        self._words = len(self._positions) // lanes
        depth = 2 * 16 << _bits(self._words)  # the bank is the address's top bit
        self._memories = [
            TableMemory(space.columns, depth, distributed=depth <= SHALLOW)
            for _ in range(2 * lanes)
        ]
        self._levels = levels(2 * lanes, terms)
        self._register = register
        self.latency = register + self._memories[0].latency + self._levels
        left = 2 * lanes
        for _ in range(self._levels):
            left = -(-left // FAN_IN)
        super().__init__(
            {
                "data": In(8 * lanes),
                "mask": In(lanes),
                "used": In(1),
                "word": In(bits_of(self._words)).array(lanes),
                "bank": In(1),
                "table": In(TableWrite),
                "ask": In(TableRead),
                "o": Out(space.columns).array(left),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        space, lanes, positions = self._space, self._lanes, self._positions
        asked_position = (self.ask.word >> exact_log2(space.slices))[5:][: _bits(space.positions)]
        here = (asked_position >= positions.start) & (asked_position < positions.stop)
        answer = Answer(m, self.ask, space, here, ~self.used)
        self._write(m)
        domain = m.d.sync if self._register else m.d.comb
        r = _Place(answer.entry, positions, lanes)
        terms = []
        for number, memory in enumerate(self._memories):
            lane, half = divmod(number, 2)
            m.submodules[f"lane{lane}_{'high' if half else 'low'}"] = memory
            looked_up = self.mask[lane]
            chosen = delayed(m, r.chosen(lane, half), 1)
            nibble = self.data.word_select(number, 4)
            domain += [
                memory.r_en.eq(looked_up | (answer.wanted & chosen)),
                memory.r_addr.eq(
                    Mux(
                        looked_up,
                        Cat(nibble, self.word[lane][: len(r.word)], self.bank),
                        Cat(r.nibble, r.word, answer.bank),
                    )
                ),
            ]
            terms.append(memory.r_data)
        for level in range(self._levels):
            sums = []
            for k in range(0, len(terms), FAN_IN):
                total = Signal(space.columns, name=f"or{level}_{k}", reset_less=True)
                m.d.sync += total.eq(_any(terms[k : k + FAN_IN]))
                sums.append(total)
            terms = sums
        m.d.comb += [o.eq(term) for o, term in zip(self.o, terms, strict=True)]
        answer.give(_any(list(self.o)), self.latency)
        return m

    def _write(self, m: Module) -> None:
        """Bring the loader's words near each memory, through registers that it alone moves."""
        write = TableWord(m, self.table, self._space)
        w = _Place(write.entry, self._positions, self._lanes)
        next_w = _Place(write.next_entry, self._positions, self._lanes)
        together = -(-len(self._memories) // COPIES)
        for first in range(0, len(self._memories), together):
            group = self._memories[first : first + together]
            hits = Signal(len(group), name=f"hits{first}")
            chosen = [next_w.chosen(*divmod(first + number, 2)) for number in range(len(group))]
            data = Signal.like(write.data, name=f"w_data{first}")
            some = Signal(name=f"hit{first}")
            m.d.sync += [
                hits.eq(Cat(chosen) & write.next_hit.replicate(len(group))),
                some.eq(Cat(chosen).any() & write.next_hit),
            ]
            with m.If(some):
                m.d.sync += data.eq(write.data)
            for memory, hit in zip(group, hits, strict=True):
                m.d.sync += memory.w_en.eq(hit)
                with m.If(hit):
                    m.d.sync += memory.w_addr.eq(Cat(w.nibble, w.word, write.bank))
                m.d.comb += memory.w_data.eq(data)


class _Place:
    """Where an entry of a TCAM space stands among the memories of some of its positions."""

    def __init__(self, entry: Value, positions: range, lanes: int) -> None:
        offset = (entry[5:] - positions.start)[: _bits(max(positions.stop, 2))]
        lane_bits = _bits(lanes)
        self._half = entry[4]
        self._lane = offset[:lane_bits]
        self._mine = (entry[5:] >= positions.start) & (entry[5:] < positions.stop)
        self.nibble = entry[:4]
        self.word = offset[lane_bits:][: _bits(len(positions) // lanes)]

    def chosen(self, lane: int, half: int) -> Value:
        return self._mine & (self._half == half) & (self._lane == lane)


def _bits(count: int) -> int:
    return (count - 1).bit_length()


def _any(terms: list[Value]) -> Value:
    value = terms[0]
    for term in terms[1:]:
        value = value | term
    return value

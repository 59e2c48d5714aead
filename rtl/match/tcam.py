"""The streaming TCAM: one memory per lane and nibble half, addressed by word, nibble and bank.

Each entry holds the columns' mismatch bits; the OR over all bytes of a key is zero in the columns
that match it.  A key takes no clock beyond the beats it comes in, whatever the number of columns.
Banks make loading and looking up independent: nothing is ever read from the bank being written.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hybridmesh.contract.geometry import Space

from ..layout import TableWrite
from .field import key_beat

__all__ = ["Tcam", "TableWord", "or_tree", "table_memory"]

FAN_IN = 4
"""Vectors that are ORed in one clock."""


class TableWord:
    """A :data:`~hybridmesh.rtl.layout.TableWrite`, registered and cut into the parts of *space*.

    The words of an entry are gathered and written with its last one, so that a memory has one
    write enable, however wide it is; they come in rising order.

    Attributes
    ----------
    hit : Signal
        An entry of this space is written.
    entry, bank, data : Value
        Number of the entry, its bank, its ``32 * space.slices`` bits.
    """

    def __init__(self, m: Module, table: wiring.PureInterface, space: Space) -> None:
        slice_bits = exact_log2(space.slices)
        self.hit = Signal()
        self.bank = Signal()
        self.entry = Signal((space.entries - 1).bit_length())
        self.data = Signal(32 * space.slices)
        mine = table.en & (table.space == space.number)
        number = table.word[:slice_bits]
        m.d.sync += self.hit.eq(mine & number.all() if slice_bits else mine)
        with m.If(mine):
            m.d.sync += [
                self.entry.eq(table.word >> slice_bits),
                self.bank.eq(table.bank),
                self.data.word_select(number, 32).eq(table.data),
            ]


def table_memory(
    m: Module,
    name: str,
    space: Space,
    depth: int,
    word: TableWord,
    *,
    address: Value,
    chosen: Value,
    read: Value,
    enable: Value,
) -> Value:
    """One memory with the columns of *space*, written from *word* where it is *chosen*.

    The value is the entry at *read*, one clock after *enable*.
    """
    shape = unsigned(space.slices * 32)
    memory = m.submodules[name] = Memory(shape=shape, depth=depth, init=[])
    write = memory.write_port()
    m.d.comb += [
        write.addr.eq(address),
        write.data.eq(word.data),
        write.en.eq(word.hit & chosen),
    ]
    port = memory.read_port()
    m.d.comb += [port.addr.eq(read), port.en.eq(enable)]
    return port.data[: space.columns]


def or_tree(m: Module, terms: list[Value], valid: Value) -> tuple[Value, Value, int]:
    """OR of *terms*, :data:`FAN_IN` a clock; gives the OR, *valid* as late, and the clocks."""
    clocks = 0
    while len(terms) > 1:
        sums = []
        for k in range(0, len(terms), FAN_IN):
            total = Signal.like(terms[0], name=f"or{clocks}_{k}", reset_less=True)
            value = terms[k]
            for term in terms[k + 1 : k + FAN_IN]:
                value = value | term
            with m.If(valid):
                m.d.sync += total.eq(value)
            sums.append(total)
        delayed = Signal(name=f"or{clocks}_valid")
        m.d.sync += delayed.eq(valid)
        terms, valid = sums, delayed
        clocks += 1
    return terms[0], valid, clocks


class Tcam(wiring.Component):
    """Match keys against the columns of one space.

    ==========  ==================================================  ==================
    stage       what happens                                        latency
    ==========  ==================================================  ==================
    s1_read     table memories read                                 1
    or          lanes and halves ORed, four a clock                 1 + log4(2 width)
    match       ORed to what came before of the key                 2 + log4(2 width)
    ==========  ==================================================  ==================

    Parameters
    ----------
    space : Space
        A TCAM space of the table.
    width : int
        Bytes per beat.

    Members
    -------
    i : stream of key_beat, always ready
    table : TableWrite
    match : out, space.columns
        Columns that match what came of the key so far; stands until the next key begins.
    end, first : out
        ``match`` is that of a whole key, whose terminator came ``latency`` clocks before; the
        frame's first beat came then.
    """

    def __init__(self, space: Space, width: int) -> None:
        self._space = space
        self._width = width
        levels = 0
        while FAN_IN**levels < 2 * width:
            levels += 1
        self.latency = 2 + levels
        super().__init__(
            {
                "i": In(stream.Signature(key_beat(width, space.positions), always_ready=True)),
                "table": In(TableWrite),
                "match": Out(space.columns),
                "end": Out(1),
                "first": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        space, width = self._space, self._width
        lane_bits = exact_log2(width)
        i = self.i.p
        word = TableWord(m, self.table, space)
        nibble, half, position = word.entry[:4], word.entry[4], word.entry[5:]
        write = Cat(nibble, position[lane_bits:], word.bank)

        # s1_read
        mask = Signal(width)
        flags = Signal(data.StructLayout({"begin": 1, "end": 1, "first": 1}))
        valid = Signal()
        m.d.sync += [valid.eq(self.i.valid), mask.eq(i.mask)]
        m.d.sync += [flags.begin.eq(i.begin), flags.end.eq(i.end), flags.first.eq(i.first)]
        terms = []
        for lane in range(width):
            for side in range(2):
                entry = table_memory(
                    m,
                    f"lane{lane}_{'high' if side else 'low'}",
                    space,
                    2 * 16 * (space.positions // width),
                    word,
                    address=write,
                    chosen=(half == side) & (position[:lane_bits] == lane),
                    read=Cat(i.data.word_select(2 * lane + side, 4), i.word[lane], i.bank),
                    enable=self.i.valid & i.mask[lane],
                )
                terms.append(Mux(mask[lane], entry, 0))

        # or, match
        total, valid, clocks = or_tree(m, terms, valid)
        for _ in range(clocks):
            later = Signal.like(flags)
            m.d.sync += later.eq(flags)
            flags = later
        mismatch = Signal(space.columns, reset_less=True)
        m.d.comb += self.match.eq(~mismatch)
        with m.If(valid):
            m.d.sync += mismatch.eq(Mux(flags.begin, 0, mismatch) | total)
        m.d.sync += [self.end.eq(valid & flags.end), self.first.eq(valid & flags.first)]
        return m

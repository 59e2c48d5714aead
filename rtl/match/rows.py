"""The row that wins: all conditions ANDed (their mismatches ORed), the lowest row, its flags."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry

from ..layout import TableWrite
from .delay import Delay
from .priority import PriorityEncoder
from .tcam import TableWord, or_tree, table_memory

__all__ = ["RowMatcher"]


class RowMatcher(wiring.Component):
    """Look up the word (class, method, predicates), AND it with the path, find the lowest row.

    ==========  ==================================================  =============================
    stage       what happens                                        latency
    ==========  ==================================================  =============================
    s1_read     word memories read                                  1
    or          mismatches of word and path ORed, four a clock      1 + levels
    first       number of the lowest row                            ... + PriorityEncoder.latency
    o           its flags read                                      ... + 1
    ==========  ==================================================  =============================

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    valid : in
        A verdict is asked for.
    word : in, 8 * geometry.word.positions
        Class byte, method byte, predicate bytes, lowest first.
    path : in, rows
        Rows whose path condition matches.
    bank : in
    table : TableWrite
    found : out
        Whether a row matches.
    row : out
    flags : out, 8
        Flags of the row.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._first = PriorityEncoder(geometry.rows)
        terms, levels = 2 * geometry.word.positions + 1, 0
        while terms > 1:
            terms = -(-terms // 4)
            levels += 1
        self.latency = 1 + levels + self._first.latency + 1
        self._before_flags = self.latency - 1
        super().__init__(
            {
                "valid": In(1),
                "word": In(8 * geometry.word.positions),
                "path": In(geometry.rows),
                "bank": In(1),
                "table": In(TableWrite),
                "found": Out(1),
                "row": Out(range(geometry.rows)),
                "flags": Out(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        space, flag_space = self._geometry.word, self._geometry.row_flags
        table_word = TableWord(m, self.table, space)
        nibble, half, position = (
            table_word.entry[:4],
            table_word.entry[4],
            table_word.entry[5:],
        )

        # s1_read
        mismatch = Signal(self._geometry.rows)
        valid = Signal()
        m.d.sync += [mismatch.eq(~self.path), valid.eq(self.valid)]
        terms = [mismatch]
        for byte in range(space.positions):
            for side in range(2):
                entry = table_memory(
                    m,
                    f"byte{byte}_{'high' if side else 'low'}",
                    space,
                    2 * 16,
                    table_word,
                    address=Cat(nibble, table_word.bank),
                    chosen=(half == side) & (position == byte),
                    read=Cat(self.word.word_select(2 * byte + side, 4), self.bank),
                    enable=self.valid,
                )
                terms.append(entry)

        # or, first
        total, _, _ = or_tree(m, terms, valid)
        m.submodules.first = first = self._first
        m.d.comb += first.i.eq(~total)

        # o
        m.submodules.bank = bank = Delay(1, self._before_flags)
        m.d.comb += bank.i.eq(self.bank)
        flag_word = TableWord(m, self.table, flag_space)
        flags = table_memory(
            m,
            "flags",
            flag_space,
            2 * flag_space.entries,
            flag_word,
            address=Cat(flag_word.entry, flag_word.bank),
            chosen=1,
            read=Cat(first.number, bank.o),
            enable=1,
        )
        m.d.sync += [self.found.eq(first.found), self.row.eq(first.number)]
        m.d.comb += self.flags.eq(Mux(self.found, flags, 0))
        return m

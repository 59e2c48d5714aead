"""The row that wins: all conditions ANDed (their mismatches ORed), the lowest row, its flags."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hybridmesh.contract.geometry import Geometry

from ..layout import TableRead, TableWrite
from ..pipeline import delayed
from .array import PlainTable, TcamArray
from .priority import PriorityEncoder

__all__ = ["RowMatcher"]

HALVES = 2


class RowMatcher(wiring.Component):
    """Look up the call (method and listener), the predicates and the class, find the lowest row.

    ==========  ==================================================  =============================
    stage       what happens                                        latency
    ==========  ==================================================  =============================
    calls       call and predicates looked up, ``lead`` clocks      1 - lead + ...
                before the class is there
    classes     class looked up                                     1
    or          mismatches of both and of the path ORed             2
    first       number of the lowest row                            ... + PriorityEncoder.latency
    flags       its flags read                                      ... + 1
    ==========  ==================================================  =============================

    The latency counts from the clock in which the class is given.

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    call_valid, call, predicates, call_bank : in
        Method and listener, and the predicates hit, ``lead`` clocks before the rest.
    valid, host_class, path, bank : in
        A verdict is asked for: the class, and the rows whose path condition matches.
    found : out
        Whether a row matches.
    row : out
    flags : out
        Flags of the row; zero where none matches.
    table : TableWrite
    ask_calls, ask_classes, ask_flags : TableRead

    Attributes
    ----------
    latency, lead : int
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        space = geometry.word
        rest = range(1, space.positions)
        self._calls = TcamArray(space, len(rest), positions=rest, terms=HALVES, register=False)
        self._classes = TcamArray(space, 1, positions=range(1), terms=HALVES, register=False)
        self._first = PriorityEncoder(geometry.rows)
        self._flags = PlainTable(geometry.row_flags)
        self.lead = self._calls.latency - self._classes.latency
        self._numbered = self._classes.latency + 1 + self._first.latency
        self.latency = self._numbered + self._flags.latency
        super().__init__(
            {
                "call_valid": In(1),
                "call": In(8),
                "predicates": In(geometry.predicates),
                "call_bank": In(1),
                "valid": In(1),
                "host_class": In(8),
                "path": In(geometry.rows),
                "bank": In(1),
                "found": Out(1),
                "row": Out(range(geometry.rows)),
                "flags": Out(geometry.row_flags.columns),
                "table": In(TableWrite),
                "ask_calls": In(TableRead),
                "ask_classes": In(TableRead),
                "ask_flags": In(TableRead),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.calls = calls = self._calls
        m.submodules.classes = classes = self._classes
        m.submodules.first = first = self._first
        m.submodules.flags = flags = self._flags
        for part, ask in (
            (calls, self.ask_calls),
            (classes, self.ask_classes),
            (flags, self.ask_flags),
        ):
            connect(m, flipped(self.table), part.table)
            connect(m, flipped(ask), part.ask)
        m.d.comb += [
            calls.data.eq(Cat(self.call, self.predicates)),
            calls.mask.eq(self.call_valid.replicate(len(calls.mask))),
            calls.bank.eq(self.call_bank),
            classes.data.eq(self.host_class),
            classes.mask.eq(self.valid),
            classes.bank.eq(self.bank),
        ]

        # or
        path = delayed(m, self.path, self._classes.latency)
        mismatch = Signal(self._geometry.rows)
        m.d.sync += mismatch.eq(reduce(or_, [*classes.o, *calls.o, ~path]))

        # first, flags
        found, row = first.found, first.number
        m.d.comb += [
            first.i.eq(~mismatch),
            flags.en.eq(found & delayed(m, self.valid, self._numbered)),
            flags.entry.eq(row),
            flags.bank.eq(delayed(m, self.bank, self._numbered)),
            self.flags.eq(flags.o),
        ]
        m.d.sync += [self.found.eq(found), self.row.eq(Mux(found, row, 0))]
        return m

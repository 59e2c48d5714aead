"""The row that wins: all conditions ANDed (their mismatches ORed), the lowest row, its flags."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hybridmesh.contract.geometry import Geometry

from ..layout import TableRead, TableWrite
from ..pipeline import bits_of, delayed
from .array import FAN_IN, TcamArray
from .lowest import LowestEntry
from .tcam import Tcam

__all__ = ["RowMatcher"]

SLOWEST = 8
"""Width up to which heads are so far apart that the call's bytes are looked up one after another,
in two block RAMs; a decided head and its headers have more than 72 bytes."""

CALL_STEPS = 5
"""Clocks in which they are."""


class RowMatcher(wiring.Component):
    """Look up the call (method and listener), the predicates and the class, find the lowest row.

    ==========  ==================================================  =============================
    stage       what happens                                        latency
    ==========  ==================================================  =============================
    calls       call and predicates looked up, ``lead`` clocks      1 - lead + ...
                before the class is there
    classes     class looked up                                     2
    or          mismatches of all and of the path ORed              3
    flags       lowest row, its flags                               ... + LowestEntry.latency
    ==========  ==================================================  =============================

    The latency counts from the clock in which the class is given.

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    call_valid, call, predicates, call_bank : in
        Method and listener, and the predicates hit, ``lead`` clocks before the rest; not of heads
        that are not decided, for the others are at least ``CALL_STEPS`` clocks apart.
    valid, host_class, path, bank : in
        A verdict is asked for: the class, and the rows whose path condition matches.
    found : out
        Whether a row matches.
    row : out
    flags : out
        Flags of the row; zero where none matches.  All three count where a verdict was asked for.
    table : TableWrite
    ask_calls, ask_classes, ask_flags : TableRead

    Attributes
    ----------
    latency, lead : int
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        space = geometry.word
        called = space.positions - 1
        self._lanes = called if geometry.width > SLOWEST else -(-called // CALL_STEPS)
        self._steps = -(-called // self._lanes)
        positions = range(1, 1 + self._steps * self._lanes)
        serial = self._steps > 1
        self._calls = Tcam(space, self._lanes, positions=positions, register=serial)
        self._classes = TcamArray(space, 1, positions=range(1), terms=FAN_IN)
        self._flags = LowestEntry(geometry.row_flags)
        self.lead = self._steps - 1 + self._calls.latency - self._classes.latency
        self._known = self._classes.latency + 1
        self.latency = self._known + self._flags.latency
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
        m.submodules.flags = flags = self._flags
        for part, ask in (
            (calls, self.ask_calls),
            (classes, self.ask_classes),
            (flags, self.ask_flags),
        ):
            connect(m, flipped(self.table), part.table)
            connect(m, flipped(ask), part.ask)
        m.d.comb += [
            classes.data.eq(self.host_class),
            classes.mask.eq(self.valid),
            classes.used.eq(self.valid),
            classes.bank.eq(self.bank),
        ]

        self._call(m)

        # or
        path = delayed(m, self.path, self._classes.latency)
        mismatch = Signal(self._geometry.rows)
        m.d.sync += mismatch.eq(reduce(or_, [*classes.o, ~calls.match, ~path]))

        # flags
        wanted = delayed(m, Cat(self.valid, self.bank), self._known + flags.lead)
        m.d.comb += [
            flags.i.eq(~mismatch),
            Cat(flags.valid, flags.bank).eq(wanted),
            self.found.eq(flags.found),
            self.row.eq(flags.number),
            self.flags.eq(flags.o),
        ]
        return m

    def _call(self, m: Module) -> None:
        """Look up the call's bytes, as many in a clock as there are lanes."""
        key, valid = self._calls.i.p, self._calls.i.valid
        taken = Cat(self.call, self.predicates)
        rest, bank = Signal.like(taken), Signal()
        step = Signal(bits_of(self._steps))  # of the next clock; 0: none
        with m.If(step != 0):
            m.d.sync += step.eq(Mux(step == self._steps - 1, 0, step + 1))
        with m.If(self.call_valid & (self._steps > 1)):
            m.d.sync += step.eq(1)
        now = Mux(self.call_valid, taken, rest)
        m.d.sync += rest.eq(now >> 8 * self._lanes)
        with m.If(self.call_valid):
            m.d.sync += bank.eq(self.call_bank)
        m.d.comb += [
            valid.eq(self.call_valid | (step != 0)),
            key.data.eq(now),
            key.mask.eq(valid.replicate(self._lanes)),
            key.used.eq(1),
            key.begin.eq(self.call_valid),
            key.bank.eq(Mux(self.call_valid, self.call_bank, bank)),
            *(word.eq(Mux(self.call_valid, 0, step)) for word in key.word),
        ]

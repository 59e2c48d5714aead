"""The streaming TCAM: keys that come in beats, matched against all columns at once.

A key takes no clock beyond the beats it comes in, whatever the number of columns.
"""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Space

from ..layout import TableRead, TableWrite
from ..pipeline import delayed
from .array import FAN_IN, TcamArray
from .field import key_beat

__all__ = ["Tcam"]


class Tcam(wiring.Component):
    """Match keys against the columns of one space.

    ==========  ==================================================  ======================
    stage       what happens                                        latency
    ==========  ==================================================  ======================
    array       lanes looked up, their mismatches ORed to few       TcamArray.latency
    match       ORed to what came before of the key                 ... + 1
    ==========  ==================================================  ======================

    Parameters
    ----------
    space : Space
        A TCAM space of the table.
    width : int
        Bytes per beat.
    positions : range
        Positions of the space that keys consist of; all where none are given.
    register : bool
        As of :class:`~hybridmesh.rtl.match.array.TcamArray`.

    Members
    -------
    i : stream of key_beat, always ready
    table : TableWrite
    ask : TableRead
    match : out, space.columns
        Columns that match what came of the key so far; stands until the next key begins.
    end, first, last : out
        ``match`` is that of a whole key, whose terminator came ``latency`` clocks before; a beat
        with ``first``, with ``last`` came then.  The latter is none of what came before the next.
    """

    def __init__(
        self,
        space: Space,
        width: int,
        *,
        positions: range | None = None,
        register: bool = True,
    ) -> None:
        positions = positions or range(space.positions)
        self._array = TcamArray(
            space, width, positions=positions, terms=FAN_IN + 1, register=register
        )
        self.latency = self._array.latency + 1
        super().__init__(
            {
                "i": In(stream.Signature(key_beat(width, len(positions)), always_ready=True)),
                "table": In(TableWrite),
                "ask": In(TableRead),
                "match": Out(space.columns),
                "end": Out(1),
                "first": Out(1),
                "last": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i = self.i.p
        m.submodules.array = array = self._array
        wiring.connect(m, wiring.flipped(self.table), array.table)
        wiring.connect(m, wiring.flipped(self.ask), array.ask)
        m.d.comb += [
            array.data.eq(i.data),
            array.mask.eq(i.mask & self.i.valid.replicate(len(i.mask))),
            array.used.eq(self.i.valid & i.used),
            array.bank.eq(i.bank),
            *(word.eq(source) for word, source in zip(array.word, i.word, strict=True)),
        ]
        # A clock without a look-up adds nothing: an entry that is read back may come out then.
        flags = Cat(self.i.valid & flag for flag in (i.used, i.begin, i.end, i.first, i.last))
        used, begin, end, first, last = delayed(m, flags, array.latency)
        mismatch = Signal(len(self.match), reset_less=True)
        with m.If(used):
            # What comes again behind a last beat changes nothing: it has been ORed already.
            m.d.sync += mismatch.eq(reduce(or_, array.o, Mux(begin, 0, mismatch)))
        m.d.comb += self.match.eq(~mismatch)
        m.d.sync += [self.end.eq(end), self.first.eq(first), self.last.eq(last)]
        return m

"""The verdict of one frame, put together from what the lexer and the matcher found."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import ROW_PROVISIONAL, ROW_TOUCH, Geometry
from hybridmesh.contract.verdict import ETHERTYPE, NO_ROW, SHIM, VERSION, Flag, Reason
from hybridmesh.contract.watch import Column

from .http.facts import Facts
from .layout import frame_verdict, wire_vector

__all__ = ["ShimBuilder", "line_hits"]


def line_hits(geometry: Geometry) -> data.StructLayout:
    """What :class:`~hybridmesh.rtl.match.lines.LineMatcher` says of a head."""
    columns = geometry.header_columns
    return data.StructLayout({"seen": columns, "repeated": columns, "touched": 1})


class ShimBuilder(wiring.Component):
    """State, reason and flags, and the shim's bytes.

    ==========  ==================================================  =======
    stage       what happens                                        latency
    ==========  ==================================================  =======
    o           the shim                                            1
    ==========  ==================================================  =======

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    valid : in
        The rest is that of one frame.
    facts : in, Facts
    hits : in, line_hits
    length : in, 32
        Value of Content-Length.
    found, row, row_flags : in
        From the row matcher.
    now : in, 16
    o : stream of frame_verdict, always ready
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        super().__init__(
            {
                "valid": In(1),
                "facts": In(Facts),
                "hits": In(line_hits(geometry)),
                "length": In(32),
                "found": In(1),
                "row": In(range(geometry.rows)),
                "row_flags": In(8),
                "now": In(16),
                "o": Out(stream.Signature(frame_verdict(), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        facts, hits, o = self.facts, self.hits, self.o.p
        predicates = self._geometry.predicates
        watch, again = hits.seen[predicates:], hits.repeated[predicates:]
        length, coding, chunked = Column.LENGTH, Column.CODING, Column.CHUNKED

        found_here = {
            Reason.TABLE_OFF: ~facts.info.enable,
            Reason.FRAMING: (
                again[length]
                | again[coding]
                | (watch[length] & watch[coding])
                | (watch[coding] ^ watch[chunked])
                | (watch[coding] & facts.http_1_0)
            ),
            Reason.REPEATED: hits.repeated[:predicates].any(),
        }
        reasons = Signal(32)
        m.d.comb += reasons.eq(facts.reasons)
        for reason, holds in found_here.items():
            with m.If(holds):
                m.d.comb += reasons[reason].eq(1)
        reason = Signal(8)
        state = Signal(8)
        provisional = self.row_flags & ROW_PROVISIONAL
        m.d.comb += state.eq(Mux(provisional.any(), Flag.PROVISIONAL, Flag.DECIDED))
        for candidate in sorted(Reason, reverse=True):
            with m.If(reasons[candidate]):
                m.d.comb += [reason.eq(candidate), state.eq(candidate.state.value)]
        usable = ~reasons.any()

        touch = hits.touched | facts.http_1_0 | (self.row_flags & ROW_TOUCH).any()
        flags = {
            Flag.TOUCH: touch,
            Flag.BODY_CHUNKED: watch[coding],
            Flag.BODY_LENGTH: facts.has_length,
            Flag.MORE_DATA: facts.more,
        }

        def known(value: Value | data.View) -> Value:
            """Zero in the verdict of a head that is not decided."""
            return Mux(usable, value, 0)

        values = {
            "ethertype": ETHERTYPE,
            "version": VERSION,
            "flags": state | known(sum(Mux(bit, int(flag), 0) for flag, bit in flags.items())),
            "epoch": facts.info.epoch,
            "row": Mux(usable & self.found, self.row, NO_ROW),
            "reason": reason,
            "method": known(facts.method),
            "head_offset": 0,
            "seq": facts.info.seq,
            "head_length": known(facts.head_length),
            "path_offset": known(facts.path_offset),
            "path_length": known(facts.path_length),
            "host_offset": known(facts.host_offset),
            "host_length": known(facts.host_length),
            "reserved": 0,
            "latency": (self.now + 1 - facts.info.arrival)[:16],
            "body_length": known(Mux(facts.has_length, self.length, 0)),
            "authenticator": 0,
        }
        insert = Signal()
        m.d.comb += insert.eq(facts.info.candidate & facts.token & ~facts.info.spoofed)
        m.d.sync += self.o.valid.eq(self.valid)
        with m.If(self.valid):
            m.d.sync += [
                o.insert.eq(insert),
                o.drop.eq(facts.info.spoofed),
                o.shim.eq(Mux(insert, Cat(wire_vector(SHIM, values)), 0)),
            ]
        return m

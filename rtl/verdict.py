"""The verdict of one frame, put together from what the lexer and the matcher found."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import ROW_PROVISIONAL, ROW_TOUCH, Geometry
from hybridmesh.contract.verdict import ETHERTYPE, NO_ROW, SHIM, VERSION, Flag, Reason, State

from .flow.guard import Place
from .http.facts import Facts
from .layout import FrameInfo, frame_verdict, wire_vector
from .match.priority import PriorityEncoder
from .pipeline import delayed

__all__ = ["ShimBuilder"]

REASONS = 32
"""Places for reasons, one bit each."""


class ShimBuilder(wiring.Component):
    """State, reason and flags, and the shim's bytes.

    ==========  ==================================================  =======
    stage       what happens                                        latency
    ==========  ==================================================  =======
    reason      the lowest reason why the head is not decided       -1
    known       what is known of a head that is                     0
    o           the row put in: the shim                            1
    ==========  ==================================================  =======

    The latency counts from the clock in which the row is given; all else comes ``lead`` clocks
    before it.

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    valid : in
        What is given is that of one frame.
    facts : in, Facts
    intact : in
        The frame's checksums are right.
    place : in, Place
        Where its payload begins.
    repeated, crowded : in
        From the key matcher.
    length : in, 32
        Value of Content-Length.
    found, row, row_flags : in
        From the row matcher.
    now : in, 16
    o : stream of frame_verdict, always ready
    """

    lead = 3

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        super().__init__(
            {
                "valid": In(1),
                "facts": In(Facts),
                "intact": In(1),
                "place": In(Place),
                "repeated": In(1),
                "crowded": In(1),
                "length": In(32),
                "found": In(1),
                "row": In(range(geometry.rows)),
                "row_flags": In(geometry.row_flags.columns),
                "now": In(16),
                "o": Out(stream.Signature(frame_verdict(), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()

        # reason
        m.submodules.lowest = lowest = PriorityEncoder(REASONS)
        waiting = data.StructLayout({"facts": Facts, "length": 32, "insert": 1, "valid": 1})
        taken = Signal(waiting)
        info = self.facts.info
        m.d.comb += [
            lowest.i.eq(Cat(self._reasons())),
            taken.facts.eq(self.facts),
            taken.length.eq(self.length),
            taken.insert.eq(
                info.candidate & self.intact & self.facts.token & ~self.place.body & ~info.drop
            ),
            taken.valid.eq(self.valid),
        ]
        judged = data.View(waiting, delayed(m, taken.as_value(), lowest.latency))
        facts, length = judged.facts, judged.length
        usable, reason = ~lowest.found, lowest.number
        malformed = Cat(reason == r for r in Reason if r.state is State.MALFORMED).any()
        refused = Mux(malformed, State.MALFORMED.value, State.UNDECIDED.value)

        # known: nothing but the state and the reason of a head that is not decided
        flags = {
            Flag.TOUCH: facts.touch | facts.http_1_0,
            Flag.BODY_CHUNKED: facts.chunked,
            Flag.BODY_LENGTH: facts.has_length,
            Flag.MORE_DATA: facts.more,
        }
        decided = {
            "flags": reduce(or_, (Mux(bit, int(flag), 0) for flag, bit in flags.items())),
            "method": facts.method,
            "head_length": facts.head_length,
            "path_offset": facts.path_offset,
            "path_length": facts.path_length,
            "host_offset": facts.host_offset,
            "host_length": facts.host_length,
            "body_length": Mux(facts.has_length, length, 0),
        }
        known = {name: Signal(len(Value.cast(value)), name=name) for name, value in decided.items()}
        m.d.sync += [known[name].eq(Mux(usable, value, 0)) for name, value in decided.items()]
        late = Signal(
            data.StructLayout(
                {
                    "info": FrameInfo,
                    "reason": 8,
                    "state": 8,
                    "usable": 1,
                    "insert": 1,
                    "valid": 1,
                }
            )
        )
        m.d.sync += [
            late.info.eq(facts.info),
            late.reason.eq(reason),
            late.state.eq(Mux(usable, State.NONE.value, refused)),
            late.usable.eq(usable),
            late.insert.eq(judged.insert),
            late.valid.eq(judged.valid),
        ]

        # o
        provisional = (self.row_flags & ROW_PROVISIONAL).any()
        touch = Mux(late.usable & (self.row_flags & ROW_TOUCH).any(), Flag.TOUCH, 0)
        sure = Mux(provisional, Flag.PROVISIONAL, Flag.DECIDED)
        values = {
            **known,
            "ethertype": ETHERTYPE,
            "version": VERSION,
            "flags": Mux(late.usable, sure, late.state) | known["flags"] | touch,
            "epoch": late.info.epoch,
            "row": Mux(late.usable & self.found, self.row, NO_ROW),
            "reason": late.reason,
            "head_offset": 0,
            "seq": late.info.seq,
            "reserved": 0,
            "latency": (self.now + 1 - late.info.arrival)[:16],
            "authenticator": 0,
        }
        o = self.o.p
        m.d.sync += [
            self.o.valid.eq(late.valid),
            o.insert.eq(late.insert),
            o.drop.eq(late.info.drop),
            o.shim.eq(Cat(wire_vector(SHIM, values))),
        ]
        return m

    def _reasons(self) -> list[Value]:
        """By number, why the head is not decided: what its bytes say, and what else is known."""
        reasons = list(self.facts.reasons)
        reasons[Reason.TABLE_OFF] |= ~self.facts.info.enable
        reasons[Reason.UNKNOWN_START] |= ~self.place.head
        reasons[Reason.CROWDED] |= self.crowded
        reasons[Reason.REPEATED] |= self.repeated
        return reasons

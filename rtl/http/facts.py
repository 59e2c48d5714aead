"""What the lexer's marks say of a head, gathered beat by beat."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import MAX_FIELDS, Mark
from hybridmesh.contract.verdict import Method, Reason

from ..layout import FrameInfo, lexed_beat

__all__ = ["Facts", "HeadFacts"]

Facts = data.StructLayout(
    {
        "info": FrameInfo,
        "bank": 1,
        "token": 1,  # the payload begins as a request may
        "reasons": 32,  # one bit per Reason, but for those that the table decides
        "method": 4,
        "head_length": 16,
        "path_offset": 16,
        "path_length": 16,
        "host_offset": 16,
        "host_length": 8,
        "has_length": 1,  # a Content-Length line
        "http_1_0": 1,
        "more": 1,  # payload beyond the head
    }
)


def _mark(beat: data.View, mark: Mark) -> Value:
    """The lanes of *beat* with *mark*."""
    return Cat(beat.marks[lane][mark] for lane in range(len(beat.mask)))


class HeadFacts(wiring.Component):
    """Gather the facts of each frame's head.

    ==========  ==================================================  =======
    stage       what happens                                        latency
    ==========  ==================================================  =======
    gather      facts of the beats so far                           1
    o           reasons, lengths, valid after the last beat         2
    ==========  ==================================================  =======

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    i : stream of lexed_beat, always ready
    o : stream of Facts, always ready
        One for each beat with ``last``.
    """

    latency = 2

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        super().__init__(
            {
                "i": In(stream.Signature(lexed_beat(geometry), always_ready=True)),
                "o": Out(stream.Signature(Facts, always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        beat = self.i.p
        width = self._geometry.width
        taken = self.i.valid

        # gather
        last = Signal()
        info = Signal(FrameInfo)
        bank = Signal()
        m.d.sync += last.eq(taken & beat.last)
        with m.If(taken):
            m.d.sync += [info.eq(beat.info), bank.eq(beat.bank)]

        def gather(name: str, bits: int, now: Value) -> Signal:
            """OR of *now* over the beats of a frame."""
            total = Signal(bits, name=name)
            with m.If(taken):
                m.d.sync += total.eq(Mux(beat.first, 0, total) | now)
            return total

        def place(mark: Mark, after: int = 0) -> tuple[Signal, Signal]:
            """Payload offset of *mark* (and *after* bytes more), and whether it came at all."""
            lanes = _mark(beat, mark)
            lane = Signal(range(width + 1), name=f"{mark.name.lower()}_lane")
            for n in reversed(range(width)):
                with m.If(lanes[n]):
                    m.d.comb += lane.eq(n)
            offset = Signal(16, name=f"{mark.name.lower()}_offset")
            with m.If(taken & lanes.any()):
                m.d.sync += offset.eq(beat.offset + lane + after)
            return offset, gather(f"{mark.name.lower()}_seen", 1, lanes.any())

        path_start, _ = place(Mark.PATH_START)
        path_end, _ = place(Mark.PATH_END)
        host_start, host_seen = place(Mark.HOST_START)
        host_end, _ = place(Mark.HOST_END)
        head_end, complete = place(Mark.HEAD_END, after=1)
        token = gather("token", 1, beat.token)
        method = gather("method", 4, beat.method)
        rules = gather("rules", 32, beat.reasons)
        has_length = gather("has_length", 1, _mark(beat, Mark.LENGTH_START).any())
        http_1_0 = gather("http_1_0", 1, _mark(beat, Mark.HTTP_1_0).any())

        hosts = _mark(beat, Mark.HOST_START)
        again = (hosts & (hosts - 1)).any() | (hosts.any() & host_seen & ~beat.first)
        host_again = gather("host_again", 1, again)
        fields = Signal(range(MAX_FIELDS + width + 1))
        lines = Signal(range(width + 1))
        m.d.comb += lines.eq(sum(_mark(beat, Mark.LINE_START)))
        with m.If(taken):
            before = Mux(beat.first, 0, fields)
            with m.If(before <= MAX_FIELDS):
                m.d.sync += fields.eq(before + lines)
        payload_end = Signal(16)
        with m.If(taken & beat.mask.any()):
            tail = Signal(range(width + 1))
            for n in range(width):
                with m.If(beat.mask[n]):
                    m.d.comb += tail.eq(n + 1)
            m.d.sync += payload_end.eq(beat.offset + tail)

        # o
        o = self.o.p
        host_bytes = Signal(16)
        reasons = {
            Reason.METHOD: complete & (method == Method.OTHER),
            Reason.HOST_REPEATED: host_again,
            Reason.HOST_MISSING: complete & ~host_seen,
            Reason.FIELD_COUNT: fields > MAX_FIELDS,
            Reason.INCOMPLETE: ~complete,
        }
        m.d.comb += host_bytes.eq(host_end - host_start)
        m.d.sync += self.o.valid.eq(last)
        with m.If(last):
            m.d.sync += [
                o.info.eq(info),
                o.bank.eq(bank),
                o.token.eq(token),
                o.reasons.eq(rules | Cat(reasons.get(n, Const(0, 1)) for n in range(32))),
                o.method.eq(method),
                o.head_length.eq(head_end),
                o.path_offset.eq(path_start),
                o.path_length.eq(path_end - path_start),
                o.host_offset.eq(host_start),
                o.host_length.eq(Mux(host_bytes > 255, 255, host_bytes)),
                o.has_length.eq(has_length),
                o.http_1_0.eq(http_1_0),
                o.more.eq(payload_end != head_end),
            ]
        return m

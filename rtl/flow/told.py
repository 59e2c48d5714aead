"""What the host tells of connections, brought to the flow guard between the messages of frames.

A proxy that has read a body in chunks knows where the next head begins, and the NIC does not.  To
the guard it is a SYN that came just there; see :mod:`hybridmesh.contract.flow`.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.registers import register

from ..control.registers import register_port
from ..pipeline import delayed
from .guard import Message

__all__ = ["ToldHeads"]


class ToldHeads(wiring.Component):
    """Put what is told in where the guard has no other message to take.

    ========  ======================================================  =======
    stage     what happens                                            latency
    ========  ======================================================  =======
    told      the registers are written                               1
    free      no frame's message comes close to the next one but one  2
    o         the message                                             3
    ========  ======================================================  =======

    A message that counts is on ``o`` one clock after ``i``, whatever is told.  The shortest frames
    that a wire brings, a listener's payload in each, leave time enough between them: 84 bytes of it
    with preamble and gap.  Without gaps they keep what is told waiting, and that is all:
    ``telling`` says so, and the host cannot tell more until it has been taken.

    A frame that a reset has cut off from its announcement may have its message meet what is told,
    and lost: the guard then knows less, and nothing wrong.

    Parameters
    ----------
    lead : int
        Clocks from ``coming`` to the message.
    apart : int
        Clocks from message to message that the guard needs, at the least; fewer than ``lead``.

    Members
    -------
    flow_hash, flow_syn : register_port
    telling : out
        What was told last is not on ``o`` yet.
    coming : in
        The message that comes ``lead`` clocks later counts: it opens, or has a payload.
    i, o : stream of Message, always ready
    """

    registers = ("flow_hash", "flow_syn")

    latency = 1

    def __init__(self, lead: int, apart: int) -> None:
        if lead <= apart:
            raise ValueError(f"{lead} clocks before a message are too few where {apart} are needed")
        self._early = lead - apart - 1
        self._apart = apart
        super().__init__(
            {
                **{name: In(register_port(register(name))) for name in self.registers},
                "telling": Out(1),
                "coming": In(1),
                "i": In(stream.Signature(Message, always_ready=True)),
                "o": Out(stream.Signature(Message, always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()

        # told
        flow, syn, told = self.flow_hash, self.flow_syn, Signal(Message)
        m.d.comb += [
            told.opens.eq(1),
            flow.r_data.word.eq(told.flow),
            flow.w_refuse.eq(self.telling),
            syn.w_refuse.eq(self.telling),
        ]
        with m.If(flow.w_en):
            m.d.sync += told.flow.eq(flow.w_data.word)
        with m.If(syn.w_en):
            m.d.sync += told.seq.eq(syn.w_data.word)

        # free: a window around each message, in which no decision falls
        window = 2 * self._apart - 1
        left, taken = Signal(range(window + 1)), Signal()
        with m.If(delayed(m, self.coming, self._early)):
            m.d.sync += left.eq(window)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        m.d.sync += taken.eq(self.telling & ~taken & (left == 0))
        with m.If(syn.w_en):
            m.d.sync += self.telling.eq(1)
        with m.Elif(taken):
            m.d.sync += self.telling.eq(0)

        # o
        m.d.sync += [
            self.o.valid.eq(self.i.valid | taken),
            self.o.payload.eq(Mux(taken, told, self.i.payload)),
        ]
        return m

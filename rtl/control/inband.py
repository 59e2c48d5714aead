"""In-band control: the NIC's registers by frames that its host sends between all others.

::

    host_tx ─▶ ControlFilter ──────────────────────────────────▶ core_tx
                 └─▶ RequestReceiver ─▶ InbandSession
                          └─▶ OperationRunner ─▶ bus   │
                                    └──────────▶ AnswerSender
    host_rx ◀──────────────────────────────────────┴─────────── core_rx

What the frames are, and what is done with them, says :mod:`hybridmesh.contract.inband`.
"""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..stream import packets
from .inband_answer import AnswerSender
from .inband_filter import ControlFilter
from .inband_operations import OperationRunner
from .inband_request import RequestReceiver
from .inband_session import InbandSession, Outcomes
from .registers import RegisterBus

__all__ = ["InbandControl"]


class InbandControl(wiring.Component):
    """Take control frames out of what the host sends, and put their answers into what it gets.

    =========  ======================================================  ==================
    stage      what happens                                            latency
    =========  ======================================================  ==================
    filter     ``host_tx`` is on ``core_tx``                           15, or fewer
    receiver   a control frame is checked                              2 behind its end
    session    it is passed over, answered, or given to the runner     3
    runner     its operations are checked, then carried out            by what they are
    sender     the answer's first byte is on ``host_rx``               4 at the least
    through    ``core_rx`` is on ``host_rx``                           1
    =========  ======================================================  ==================

    A byte per clock in both directions.  One control frame is answered at a time; those that begin
    meanwhile are missed.

    Members
    -------
    host_tx, core_tx : packet stream of width 1
        From the host, and on to the core.
    core_rx, host_rx : packet stream of width 1
        From the core, and on to the host.
    bus : RegisterBus
    outcomes : Outcomes
        What has become of a control frame, to be counted; registered.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "host_tx": In(packets(1)),
                "core_tx": Out(packets(1)),
                "core_rx": In(packets(1)),
                "host_rx": Out(packets(1)),
                "bus": Out(RegisterBus),
                "outcomes": Out(Outcomes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.filter = control = ControlFilter()
        m.submodules.receiver = receiver = RequestReceiver()
        m.submodules.session = session = InbandSession()
        m.submodules.runner = runner = OperationRunner()
        m.submodules.sender = sender = AnswerSender()

        connect, outer = wiring.connect, wiring.flipped
        connect(m, outer(self.host_tx), control.i)
        connect(m, control.o, outer(self.core_tx))
        connect(m, outer(self.core_rx), sender.i)
        connect(m, sender.o, outer(self.host_rx))
        connect(m, runner.bus, outer(self.bus))
        m.d.comb += [
            receiver.busy.eq(session.busy | session.good),
            receiver.r_addr.eq(runner.r_addr),
            session.request.eq(receiver.request),
            *(
                getattr(session, name).eq(getattr(runner, name))
                for name in ("checked", "malformed", "done", "refused", "operations", "words")
            ),
            session.sent.eq(sender.sent),
            runner.start.eq(session.start),
            runner.length.eq(receiver.request.length[2:]),
            runner.r_data.eq(receiver.r_data),
            sender.answer.eq(session.answer),
            sender.send.eq(session.send),
            *(
                getattr(sender, name).eq(getattr(runner, name))
                for name in ("w_en", "w_addr", "w_data")
            ),
        ]
        m.d.sync += [
            receiver.valid.eq(self.host_tx.valid & self.host_tx.ready),
            receiver.beat.eq(self.host_tx.payload),
            receiver.control.eq(control.control),
            session.good.eq(receiver.good),
            self.outcomes.eq(session.outcomes),
            self.outcomes.malformed.eq(session.outcomes.malformed | receiver.malformed),
            self.outcomes.missed.eq(receiver.missed),
        ]
        return m

"""The NIC's core: frames from the wire to the host with the verdict in front, frames from the host
to the wire as they are, registers.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry

from .control.control import Control
from .control.counters import verdict_events
from .control.registers import RegisterBus
from .engine import VerdictEngine
from .flow.guard import FlowGuard
from .flow.joiner import Joiner
from .flow.told import ToldHeads
from .frame.admission import Admission
from .frame.payload import FrameEvents
from .frame.shim import ShimInserter
from .frame.walker import FrameWalker
from .layout import frame_verdict, packet_beat
from .stream import Fifo, RegisterSlice, SmallFifo, packets

__all__ = ["NicCore"]

FRAMES = 64
"""Frames that can wait for their verdict or for the host: more than the clocks that a verdict
takes, so that not even frames of one beat make the wire wait.
"""


class NicCore(wiring.Component):
    """All of the NIC between the MACs and the host's interface.

    ===========  ======================================================  ===================
    stage        what happens                                            latency
    ===========  ======================================================  ===================
    admission    a place is kept for the frame's verdict                 0
    walker       headers parsed, payload masked                          its ``latency``
    joiner       payloads of a head's segments put together              its ``latency``
    engine       verdict, after the frame's last beat                    its ``latency``
    told         beside it: what the host tells of connections           1
    guard        whether a head begins where the payload does            its ``latency``
    verdicts     the verdict waits for its frame's turn                  3
    inserter     first beat of the frame, then one per clock             1
    host_rx      registered                                              1
    ===========  ======================================================  ===================

    The frame waits in the packet FIFO meanwhile, which holds a frame of ``max_frame`` bytes and
    what comes behind it until its verdict is there: ``wire_rx`` is ready on every clock while
    ``host_rx`` is and takes 40 bytes more for each frame with a verdict.

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    wire_rx, host_rx : packet stream
        From the wire, to the host.  A frame that the MAC marks bad is dropped, unless it is longer
        than ``max_frame``: then most of it is with the host when the mark comes, and so comes on.
    host_tx, wire_tx : packet stream
        From the host, to the wire; registered.
    bus : RegisterBus
    decided : out
        A head was decided; for one clock.

    Attributes
    ----------
    latency : int
        Clocks from a frame's last beat to its verdict.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._walker = FrameWalker(geometry)
        self._guard = FlowGuard(geometry)
        self._joiner = Joiner(geometry)
        intact_at = self._walker.check_latency - self._joiner.latency
        placed_after = ToldHeads.latency + self._guard.latency
        self._engine = VerdictEngine(geometry, intact_at, placed_after)
        self._told = ToldHeads(self._engine.lead, self._guard.apart)
        self.latency = self._walker.latency + self._joiner.latency + self._engine.latency
        super().__init__(
            {
                "wire_rx": In(packets(geometry.width)),
                "host_rx": Out(packets(geometry.width)),
                "host_tx": In(packets(geometry.width)),
                "wire_tx": Out(packets(geometry.width)),
                "bus": In(RegisterBus),
                "decided": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        geometry = self._geometry
        beat = packet_beat(geometry.width)
        m.submodules.walker = walker = self._walker
        m.submodules.joiner = joiner = self._joiner
        m.submodules.engine = engine = self._engine
        m.submodules.told = told = self._told
        m.submodules.guard = guard = self._guard
        m.submodules.control = control = Control(geometry, FRAMES)
        m.submodules.admission = admission = Admission(geometry.width, FRAMES)
        slack = 8  # clocks through the verdict's queue and registers
        m.submodules.frames = frames = Fifo(
            beat, geometry.max_frame // geometry.width + self.latency + slack
        )
        m.submodules.frame = frame = RegisterSlice(beat)
        m.submodules.verdicts = verdicts = SmallFifo(frame_verdict(), FRAMES)
        m.submodules.verdict = verdict = RegisterSlice(frame_verdict())
        m.submodules.inserter = inserter = ShimInserter(geometry.width)
        m.submodules.host_rx = host_rx = RegisterSlice(beat)
        m.submodules.wire_tx = wire_tx = RegisterSlice(beat)

        connect, outer = wiring.connect, wiring.flipped
        connect(m, outer(self.bus), control.bus)
        connect(m, outer(self.host_tx), wire_tx.i)
        connect(m, wire_tx.o, outer(self.wire_tx))
        connect(m, outer(self.wire_rx), admission.i)
        connect(m, admission.o, frames.i)
        connect(m, frames.o, frame.i)
        connect(m, frame.o, inserter.i)
        connect(m, verdicts.o, verdict.i)
        connect(m, verdict.o, inserter.verdict)
        connect(m, inserter.o, host_rx.i)
        connect(m, host_rx.o, outer(self.host_rx))
        connect(m, walker.o, joiner.i)
        connect(m, joiner.o, engine.i)
        connect(m, engine.message, told.i)
        connect(m, told.o, guard.i)
        for name in told.registers:
            connect(m, getattr(control, name), getattr(told, name))
        connect(m, control.table, engine.table)
        connect(m, control.ask, engine.ask)

        now = Signal(16)
        accepted = self.wire_rx.valid & self.wire_rx.ready
        m.d.sync += [
            now.eq(now + 1),
            admission.released.eq(verdicts.o.valid & verdicts.o.ready),
        ]
        m.d.comb += [
            walker.i.payload.eq(self.wire_rx.payload),
            walker.i.valid.eq(accepted),
            walker.context.eq(control.context),
            walker.ports.eq(control.ports),
            walker.now.eq(now),
            joiner.connection.eq(walker.connection),
            engine.now.eq(now),
            engine.intact.eq(walker.intact),
            engine.place.eq(guard.o),
            told.coming.eq(engine.coming),
            control.telling.eq(told.telling),
            verdicts.i.payload.eq(engine.o.payload),
            verdicts.i.valid.eq(engine.o.valid),
            control.started.eq(admission.started),
            control.judged.eq(engine.o.valid),
        ]

        events = control.events
        m.d.comb += self.decided.eq(events.decided)
        sent = self.host_rx.valid & self.host_rx.ready
        m.d.sync += [
            events.frames_in.eq(accepted & self.wire_rx.payload.last),
            events.frames_out.eq(sent & self.host_rx.payload.last),
            events.bad_checksum.eq(walker.bad_checksum),
            *(events[name].eq(walker.events[name]) for name, _ in FrameEvents),
            *(
                events[name].eq(engine.o.valid & event)
                for name, event in verdict_events(engine.o.payload).items()
            ),
        ]
        return m

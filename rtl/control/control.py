"""The control side of the NIC: what is behind each register of the contract."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import COUNTERS, MAGIC, VERSION, register

from ..flow.told import ToldHeads
from ..frame.cursor import FrameContext
from ..frame.payload import ListenPorts
from ..layout import TableRead, TableWrite
from .counters import Counters, Events
from .readback import TableReader
from .registers import RegisterBus, RegisterMap, register_port
from .table import TableLoader

__all__ = ["Control"]


class Control(wiring.Component):
    """Registers, table loader and reader, counters.

    =========  =======================================  =======
    stage      what happens                             latency
    =========  =======================================  =======
    write      a switch is as it was written            1
    read       a register's value is on the bus         1
    =========  =======================================  =======

    Parameters
    ----------
    geometry : Geometry
    frames : int
        Frames that can be without a verdict at a time.

    Members
    -------
    bus : RegisterBus
    table : TableWrite
    ask : TableRead
    context : FrameContext
        What a frame that starts now is judged under.
    ports : ListenPorts
    events : Events
    started, judged : in
        A frame's first beat is accepted; a verdict is given.
    flow_hash, flow_syn : register_port
    telling : in
        To and from :class:`~hybridmesh.rtl.flow.told.ToldHeads`.
    """

    def __init__(self, geometry: Geometry, frames: int) -> None:
        self._geometry = geometry
        self._frames = frames
        super().__init__(
            {
                "bus": In(RegisterBus),
                "table": Out(TableWrite),
                "ask": Out(TableRead),
                "context": Out(FrameContext),
                "ports": Out(ListenPorts),
                "events": In(Events),
                "started": In(1),
                "judged": In(1),
                **{name: Out(register_port(register(name))) for name in ToldHeads.registers},
                "telling": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.map = regs = RegisterMap()
        m.submodules.loader = loader = TableLoader(self._geometry, self._frames)
        m.submodules.reader = reader = TableReader(self._geometry)
        m.submodules.counters = counters = Counters()
        match = Signal()

        wiring.connect(m, wiring.flipped(self.bus), regs.bus)
        wiring.connect(m, loader.table, wiring.flipped(self.table))
        wiring.connect(m, reader.ask, wiring.flipped(self.ask))
        for owner in (loader, reader):
            for name in owner.registers:
                wiring.connect(m, getattr(regs, name), getattr(owner, name))
        for name in ToldHeads.registers:
            wiring.connect(m, getattr(regs, name), wiring.flipped(getattr(self, name)))
        for counter in COUNTERS:
            wiring.connect(m, getattr(regs, counter.name), getattr(counters, counter.name))

        m.d.comb += [regs.id.r_data.word.eq(MAGIC), regs.version.r_data.word.eq(VERSION)]
        for name in ("geometry_a", "geometry_b", "geometry_c"):
            for bits in register(name).bits:
                value = getattr(self._geometry, bits.name)
                m.d.comb += getattr(regs, name).r_data[bits.name].eq(value)

        m.d.comb += regs.control.r_data.match.eq(match)
        with m.If(regs.control.w_en):
            m.d.sync += match.eq(regs.control.w_data.match)
        for n, port in enumerate(self.ports):
            listen = getattr(regs, f"listen_port_{n}")
            m.d.comb += listen.r_data.port.eq(port)
            with m.If(listen.w_en):
                m.d.sync += port.eq(listen.w_data.port)

        m.d.comb += [
            counters.events.eq(self.events),
            loader.started.eq(self.started),
            loader.judged.eq(self.judged),
            reader.bank.eq(loader.bank),
            regs.status.r_data.epoch.eq(loader.epoch),
            regs.status.r_data.pending.eq(loader.pending),
            regs.status.r_data.reading.eq(reader.reading),
            regs.status.r_data.telling.eq(self.telling),
            self.context.bank.eq(loader.bank),
            self.context.enable.eq(match & (loader.epoch != 0)),
            self.context.epoch.eq(loader.epoch),
        ]
        return m

"""What the host can read of a board, beside the registers of every NIC."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.registers import BOARD_COUNTERS, BOARD_REGISTERS, LEASE, LINKS, PORTS

from ..control.counters import Counters, happening
from ..control.registers import RegisterBus, RegisterMap, register_port
from ..ethernet.gmii import Status

__all__ = ["BoardEvents", "BoardRegisters"]

BoardEvents = happening(BOARD_COUNTERS)


class BoardRegisters(wiring.Component):
    """Counters of the ports and of control frames, the state of the links, the lease's port.

    ======  =================================  =======
    stage   what happens                       latency
    ======  =================================  =======
    count   up by one                          1
    read    a register's value is on the bus   2
    ======  =================================  =======

    Members
    -------
    bus : RegisterBus
        An address that is none of :data:`~hybridmesh.contract.registers.BOARD_REGISTERS` reads as
        zero, with an error.
    events : BoardEvents
    wire, host : in
        State of the links.
    lease : register_port
        That of :data:`~hybridmesh.contract.registers.LEASE`.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "bus": In(RegisterBus),
                "events": In(BoardEvents),
                **dict.fromkeys(PORTS, In(Status)),
                "lease": Out(register_port(LEASE)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.map = regs = RegisterMap(BOARD_REGISTERS)
        m.submodules.counters = counters = Counters(BOARD_COUNTERS)
        wiring.connect(m, wiring.flipped(self.bus), regs.bus)
        for counter in BOARD_COUNTERS:
            wiring.connect(m, getattr(regs, counter.name), getattr(counters, counter.name))
        m.d.comb += counters.events.eq(self.events)
        wiring.connect(m, regs.lease, wiring.flipped(self.lease))
        links = getattr(regs, LINKS.name)
        for port in PORTS:
            for name in Status.members:
                m.d.comb += links.r_data[f"{port}_{name}"].eq(getattr(self, port)[name])
        return m

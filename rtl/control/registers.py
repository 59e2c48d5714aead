"""The register bus, and the registers of the contract behind it.

Nothing here knows a register by name: addresses, fields and access come from
:data:`hybridmesh.contract.registers.REGISTERS`, and what a register does is its owner's matter.
"""

from collections.abc import Sequence
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, Signature

from hybridmesh.contract.registers import ADDRESS_BITS, REGISTERS, Access, Register

__all__ = ["RegisterBus", "RegisterMap", "register_port", "share"]

RegisterBus = Signature(
    {
        "w_en": Out(1),
        "w_address": Out(ADDRESS_BITS),
        "w_data": Out(32),
        "w_error": In(1),  # a clock after w_en
        "r_en": Out(1),
        "r_address": Out(ADDRESS_BITS),
        "r_data": In(32),  # from two clocks after r_en to two clocks after the next r_en
        "r_error": In(1),  # with r_data
    }
)
"""Words by byte address; one write and one read per clock, never stalled.

A word is written in the clock after ``w_en``.  An address that has no register is an error, and so
is a register that cannot be used so, or whose owner refuses it in the clock in which it is used.
"""


def share(m: Module, bus: object, *parts: object) -> None:
    """Connect *bus* to *parts* of the register map.

    Each answers an address that is not its own with zero and an error.
    """
    for part in parts:
        m.d.comb += [
            getattr(part, name).eq(getattr(bus, name))
            for name, member in RegisterBus.members.items()
            if member.flow is Out
        ]
    m.d.comb += [
        bus.w_error.eq(Cat(part.w_error for part in parts).all()),
        bus.r_error.eq(Cat(part.r_error for part in parts).all()),
        bus.r_data.eq(reduce(or_, (part.r_data for part in parts))),
    ]


def _layout(register: Register) -> data.Layout:
    if not register.bits:
        return data.StructLayout({"word": 32})
    return data.FlexibleLayout(32, {b.name: data.Field(b.width, b.lsb) for b in register.bits})


def register_port(register: Register) -> Signature:
    """What the owner of *register* sees.

    Members
    -------
    w_en : Out(1), where it can be written
        It is written in this clock.
    w_data : Out, where it can be written
        Its fields by name; ``word`` where it has none.
    w_refuse : In(1), where it can be written
        It must not be written in this clock.
    r_en : Out(1), where it can be read
        It is read in this clock.
    r_data : In, where it can be read
        As ``w_data``, as it is now.
    r_refuse : In(1), where it can be read
        It must not be read in this clock.
    """
    layout = _layout(register)
    members = {}
    if register.access is not Access.READ:
        members |= {"w_en": Out(1), "w_data": Out(layout), "w_refuse": In(1)}
    if register.access is not Access.WRITE:
        members |= {"r_en": Out(1), "r_data": In(layout), "r_refuse": In(1)}
    return Signature(members)


class RegisterMap(wiring.Component):
    """Decode the bus into one port for each register of a part of the map.

    ======  ==========================================  =======
    stage   what happens                                latency
    ======  ==========================================  =======
    write   ``w_en`` of one port, or ``w_error``        1
    chosen  ``r_en`` of one port                        0
    read    ``r_data`` of that port, or ``r_error``     2
    ======  ==========================================  =======

    Parameters
    ----------
    registers : sequence of Register

    Members
    -------
    bus : RegisterBus
    <name> : register_port
        For each of *registers*.
    """

    def __init__(self, registers: Sequence[Register] = REGISTERS) -> None:
        self._registers = registers
        super().__init__(
            {"bus": In(RegisterBus)} | {r.name: Out(register_port(r)) for r in registers}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.bus
        ports = [(r, getattr(self, r.name)) for r in self._registers]

        # whose a word is, is known a clock before it is written: enables reach far
        write, word, written = Signal(), Signal(32), []
        m.d.sync += [write.eq(bus.w_en), word.eq(bus.w_data)]
        for register, port in ports:
            if register.access is not Access.READ:
                chosen = Signal(name=f"{register.name}_written")
                m.d.sync += chosen.eq(bus.w_en & (bus.w_address == register.address))
                m.d.comb += [port.w_data.eq(word), port.w_en.eq(chosen & ~port.w_refuse)]
                written.append(port.w_en)
        m.d.comb += bus.w_error.eq(write & ~Cat(written).any())

        words, asked = [], Signal()
        m.d.sync += asked.eq(bus.r_en)
        for register, port in ports:
            if register.access is not Access.WRITE:
                here = bus.r_en & (bus.r_address == register.address) & ~port.r_refuse
                chosen = Signal(name=f"{register.name}_chosen")
                m.d.comb += port.r_en.eq(here)
                m.d.sync += chosen.eq(here)
                words.append((chosen, Value.cast(port.r_data)))
        with m.If(asked):
            m.d.sync += [
                bus.r_data.eq(reduce(or_, (Mux(chosen, word, 0) for chosen, word in words))),
                bus.r_error.eq(~Cat(chosen for chosen, _ in words).any()),
            ]
        return m

"""Registers at pins that carry two bits a clock, one after each edge.

Boards have them in the pads: a platform that has the methods ``get_ddr_input(register)`` and
``get_ddr_output(register)`` gives the modules of them, as with ``amaranth.lib.cdc``.  What stands
here is their model for simulation, with the same order of bits and any latency.
"""

from amaranth.hdl import ClockDomain, ClockSignal, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["DdrInput", "DdrOutput"]


class DdrInput(wiring.Component):
    """Pins read at both edges.

    ======  ========================================================  =======
    stage   what happens                                              latency
    ======  ========================================================  =======
    o       what the pins were at the rising edge before this one,    1
            and at the falling edge between
    ======  ========================================================  =======

    Parameters
    ----------
    width : int
        Pins.
    delay : int
        Picoseconds by which the pins' signals are made late; nothing in simulation.

    Members
    -------
    pins : in
    o_first, o_second : out
    """

    def __init__(self, width: int, delay: int = 0) -> None:
        self.delay = delay
        super().__init__({"pins": In(width), "o_first": Out(width), "o_second": Out(width)})

    def elaborate(self, platform: object) -> Module:
        if hasattr(platform, "get_ddr_input"):
            return platform.get_ddr_input(self)
        m = Module()
        _falling_domain(m)
        rise, fall = Signal.like(self.pins), Signal.like(self.pins)
        m.d.sync += [rise.eq(self.pins), self.o_first.eq(rise), self.o_second.eq(fall)]
        m.d.falling += fall.eq(self.pins)
        return m


class DdrOutput(wiring.Component):
    """Pins that change at both edges.

    ======  ========================================================  =======
    stage   what happens                                              latency
    ======  ========================================================  =======
    pins    ``i_first`` from the rising edge, ``i_second`` from       1
            the falling one
    ======  ========================================================  =======

    Parameters
    ----------
    width : int
        Pins.
    delay : int
        Picoseconds by which the pins' signals are made late; nothing in simulation.

    Members
    -------
    i_first, i_second : in
    pins : out
    """

    def __init__(self, width: int, delay: int = 0) -> None:
        self.delay = delay
        super().__init__({"i_first": In(width), "i_second": In(width), "pins": Out(width)})

    def elaborate(self, platform: object) -> Module:
        if hasattr(platform, "get_ddr_output"):
            return platform.get_ddr_output(self)
        m = Module()
        _falling_domain(m)
        first, second = Signal.like(self.pins), Signal.like(self.pins)
        late = Signal.like(self.pins)
        m.d.sync += [first.eq(self.i_first), second.eq(self.i_second)]
        m.d.falling += late.eq(second)
        m.d.comb += self.pins.eq(Mux(ClockSignal(), first, late))
        return m


def _falling_domain(m: Module) -> None:
    """The domain ``falling``: the other edge of ``sync``."""
    m.domains.falling = ClockDomain(clk_edge="neg", reset_less=True, local=True)
    m.d.comb += ClockSignal("falling").eq(ClockSignal())

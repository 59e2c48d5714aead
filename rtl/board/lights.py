"""Lights that people can see."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["LIGHTS", "Lights", "Shown"]

LIGHTS = {
    "link": "both ports have a link",
    "hit": "a head was decided",
    "error": "a frame was lost or dropped",
}
"""The lights of a board, by order of worth where it has fewer, and what they say."""

Shown = data.StructLayout(dict.fromkeys(LIGHTS, 1))


class Lights(wiring.Component):
    """Hold what lasts a clock long enough to be seen.

    ======  =====================================  =======
    stage   what happens                           latency
    ======  =====================================  =======
    o       a light is on, from the event on       1
    ======  =====================================  =======

    A light stays on for more than half of *held* clocks behind the last event, and for *held* at
    the most.

    Parameters
    ----------
    held : int
        A power of two.

    Members
    -------
    i : in
        What happens in this clock; what lasts is shown as long as it does.
    o : out
    """

    HELD = 1 << 23
    """Clocks: 67 ms at 125 MHz."""

    def __init__(self, held: int = HELD) -> None:
        self._held = held
        super().__init__({"i": In(Shown), "o": Out(Shown)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        tick = Signal(range(self._held // 2), init=self._held // 2 - 1)
        m.d.sync += tick.eq(tick - 1)
        for name in LIGHTS:
            left = Signal(2, name=f"{name}_left")
            with m.If(self.i[name]):
                m.d.sync += left.eq(2)
            with m.Elif((tick == 0) & (left != 0)):
                m.d.sync += left.eq(left - 1)
            m.d.comb += self.o[name].eq(left != 0)
        return m

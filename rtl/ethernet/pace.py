"""The transmit clock of RGMII and the octets by it, made of 125 MHz whatever the speed.

Below 1000 Mb/s the clock of the pins is slower and a clock of it carries a nibble, the same on both
edges (RGMII 2.0, 3.4 and table 1).
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .gmii import Speed

__all__ = ["CLOCKS", "Pace", "Sent"]

Sent = data.StructLayout({"data": 8, "dv": 1, "clock": 2})
"""What the pins carry in a clock of 125 MHz.

Members
-------
data : 8
    Bits 3:0 in the first half of the clock, 7:4 in the second.
dv : 1
    Within a frame (TX_EN).  There is no TX_ER, so TX_CTL is the same in both halves.
clock : 2
    The transmit clock: bit 0 in the first half, bit 1 in the second.  It rises with new data.
"""


CLOCKS = ((Speed.M10, 50), (Speed.M100, 5))
"""Clocks of 125 MHz in a clock of the pins; at 1000 Mb/s it is one."""


class Pace(wiring.Component):
    """Say when octets are due, and show them for as long as they last.

    ======  ===============================================  =======
    stage   what happens                                     latency
    ======  ===============================================  =======
    o       the octet, or half of it, and the clock          1
    ======  ===============================================  =======

    Members
    -------
    speed : in
        May change at any time; what is sent then is lost.
    step : out
        The next octet is due in the clock after this one.
    data, dv : in
        The octet of this time.
    o : out
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "speed": In(Speed),
                "step": Out(1),
                "data": In(8),
                "dv": In(1),
                "o": Out(Sent),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count = Signal(range(max(clocks for _, clocks in CLOCKS)))  # within a clock of the pins
        upper = Signal()  # half of the octet
        clock = Signal(2, init=0b01)
        last, slow = Signal(init=1), Signal()
        nibble = self.data.word_select(upper, 4)

        with m.Switch(self.speed):
            for speed, clocks in CLOCKS:
                with m.Case(speed):
                    m.d.comb += [
                        slow.eq(1),
                        last.eq(count >= clocks - 1),
                        clock[0].eq(2 * count < clocks),
                        clock[1].eq(2 * count + 1 < clocks),
                    ]
        m.d.comb += self.step.eq(last & (upper | ~slow))
        m.d.sync += [
            count.eq(Mux(last, 0, count + 1)),
            upper.eq(slow & (upper ^ last)),
            self.o.data.eq(Mux(slow, nibble.replicate(2), self.data)),
            self.o.dv.eq(self.dv),
            self.o.clock.eq(clock),
        ]
        return m

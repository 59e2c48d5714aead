"""What passes between a MAC and a PHY, eight bits a clock: GMII (IEEE 802.3, clause 35), and what
RGMII version 2.0 makes of it at 10 and 100 Mb/s and between frames.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["PREAMBLE", "SFD", "InbandStatus", "Speed", "Status", "Symbol"]

PREAMBLE, SFD = 0x55, 0xD5
"""Octets ahead of a frame; seven of the first, one of the second."""

Symbol = data.StructLayout({"data": 8, "dv": 1, "er": 1})
"""One clock of GMII in either direction.

Members
-------
data : 8
    An octet; below 1000 Mb/s bits 3:0 hold half of one, the lower half first.
dv : 1
    Within a frame or its preamble (RX_DV, TX_EN).
er : 1
    With ``dv``: the PHY could not read what it received (RX_ER, TX_ER).
"""


class Speed(enum.Enum, shape=2):
    """Megabits per second."""

    M10 = 0
    M100 = 1
    M1000 = 2


Status = data.StructLayout({"link": 1, "speed": Speed, "duplex": 1})
"""State of the link, as it stands in a symbol between frames (RGMII 2.0, table 4)."""


class InbandStatus(wiring.Component):
    """State of the link, as the PHY tells it between frames.

    ======  =====================================================  ===================
    stage   what happens                                           latency
    ======  =====================================================  ===================
    o       the status, once it has been the same in so many       :attr:`SAME`
            symbols between frames
    ======  =====================================================  ===================

    Members
    -------
    i : in
        The symbol of this clock, received.
    o : out
        All zero until the PHY has told; a PHY need not, and then it means nothing.
    """

    SAME = 4
    """Fewer than there are between frames: these are told apart from noise about a link's end."""

    def __init__(self) -> None:
        super().__init__({"i": In(Symbol), "o": Out(Status)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        told, before = data.View(Status, self.i.data[: Status.size]), Signal(Status)
        same = Signal(range(self.SAME))
        known = told.as_value()[1:3] <= Speed.M1000.value

        m.d.sync += [before.eq(told), same.eq(0)]
        with m.If(~self.i.dv & ~self.i.er & (told.as_value() == before.as_value())):
            m.d.sync += same.eq(same + (same != self.SAME - 1))
            with m.If((same == self.SAME - 2) & known):
                m.d.sync += self.o.eq(told)
        return m

"""From power to running clocks: nothing of a board runs before all of it may.

Registers have their first values from the configuration: all clocks but the oscillator's are held
back until the PLL is locked and the PHYs have come out of their reset.  So the domains begin
together whatever the PHYs' clocks do meanwhile, and no wire has to reach all registers.  Where the
PLL loses its lock, the device's global set/reset (GSR) gives all registers these values again, with
or without a clock, and all begins anew; what memories hold stays, and nothing points to it.
"""

from amaranth.hdl import ClockDomain, ClockSignal, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..ecp5.clocks import Gate, Pll

__all__ = ["Startup"]

RESET_US = 10_000
"""Microseconds that PHYs are in reset: as long as the 88E1512 asks for, the B50612D for less."""


class Startup(wiring.Component):
    """Clocks of the NIC, and the PHYs' reset.

    =======  =====================================================  ==================
    stage    what happens                                           clocks of ``clk``
    =======  =====================================================  ==================
    reset    the PHYs are in reset                                  :attr:`unit`
    wait     they come up                                           2 :attr:`unit`
    run      clocks run                                             from then on
    =======  =====================================================  ==================

    Parameters
    ----------
    mhz : int
        Of ``clk``.

    Attributes
    ----------
    unit : int
        Clocks, a power of two: :data:`RESET_US` at least.

    Members
    -------
    clk : in
        The board's oscillator.
    wire_rx, host_rx : in
        The received clocks.
    sync_clk, wire_rx_clk, host_rx_clk : out
        One of 125 MHz and these, while all run.
    phy_rst : out
    """

    def __init__(self, mhz: int) -> None:
        self._mhz = mhz
        self.unit = 1 << (mhz * RESET_US - 1).bit_length()
        super().__init__(
            {
                "clk": In(1),
                "wire_rx": In(1),
                "host_rx": In(1),
                "sync_clk": Out(1),
                "wire_rx_clk": Out(1),
                "host_rx_clk": Out(1),
                "phy_rst": Out(1, init=1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.start = ClockDomain(reset_less=True, local=True)
        m.submodules.pll = pll = Pll(self._mhz)
        m.submodules.gsr = Instance("GSR", i_GSR=pll.locked)  # resets while it is low
        passed, running = Signal(range(4 * self.unit)), Signal()
        stage = passed[-2:]
        m.d.comb += [ClockSignal("start").eq(self.clk), pll.i.eq(self.clk)]
        m.d.start += [
            passed.eq(passed + ~running),
            self.phy_rst.eq(stage == 0),
            running.eq(stage == 3),
        ]
        sources = {"sync": pll.o, "wire_rx": self.wire_rx, "host_rx": self.host_rx}
        for name, source in sources.items():
            m.submodules[f"{name}_gate"] = gate = Gate()
            m.d.comb += [
                gate.i.eq(source),
                gate.run.eq(running),
                getattr(self, f"{name}_clk").eq(gate.o),
            ]
        return m

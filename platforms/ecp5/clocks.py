"""Clocks of an ECP5: its PLL, and gates that hold a clock back (Lattice FPGA-TN-02200, "ECP5 and
ECP5-5G sysCLOCK PLL/DLL Design and User Guide": EHXPLLL, DCCA).
"""

from amaranth.hdl import Const, Elaboratable, Instance, Module, Signal

__all__ = ["Gate", "Pll"]

MHZ = 125
PHASE_MHZ = 25
"""Of the phase detector: 10 to 400."""
DIVIDER = 5
"""From the oscillator of 625 MHz, of 400 to 800, to the output."""


class Pll(Elaboratable):
    """125 MHz of another clock.

    Parameters
    ----------
    mhz : int
        Of ``i``, a multiple of 25.

    Attributes
    ----------
    i : Signal, in
    o : Signal, out
    locked : Signal, out
        Of no clock.
    """

    def __init__(self, mhz: int) -> None:
        if mhz % PHASE_MHZ:
            raise ValueError(f"The PLL takes multiples of {PHASE_MHZ} MHz, not {mhz}")
        self._mhz = mhz
        self.i, self.o, self.locked = Signal(), Signal(), Signal()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        off = ("RST", "STDBY", "PHASESEL0", "PHASESEL1", "PHASEDIR", "PHASESTEP", "PHASELOADREG")
        m.submodules.pll = Instance(
            "EHXPLLL",
            a_FREQUENCY_PIN_CLKI=str(self._mhz),
            a_FREQUENCY_PIN_CLKOP=str(MHZ),
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            a_MFG_ENABLE_FILTEROPAMP="1",
            a_MFG_GMCREF_SEL="2",
            p_CLKI_DIV=self._mhz // PHASE_MHZ,
            p_CLKFB_DIV=MHZ // PHASE_MHZ,
            p_CLKOP_DIV=DIVIDER,
            p_CLKOP_CPHASE=DIVIDER // 2,
            p_CLKOP_ENABLE="ENABLED",
            p_FEEDBK_PATH="CLKOP",
            i_CLKI=self.i,
            i_CLKFB=self.o,
            o_CLKOP=self.o,
            o_LOCK=self.locked,
            **{f"i_{name}": Const(0) for name in off},
        )
        return m


class Gate(Elaboratable):
    """A clock that runs while it is let, without a short pulse where that changes.

    Attributes
    ----------
    i : Signal, in
    run : Signal, in
        Of any clock.
    o : Signal, out
    """

    def __init__(self) -> None:
        self.i, self.run, self.o = Signal(), Signal(), Signal()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.gate = Instance("DCCA", i_CLKI=self.i, i_CE=self.run, o_CLKO=self.o)
        return m

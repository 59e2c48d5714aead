"""Registers of the ECP5's pads for two bits a clock (Lattice FPGA-TN-02035, "ECP5 and ECP5-5G
High-Speed I/O Interface"): IDDRX1F, ODDRX1F, and DELAYG between them and the pad.
"""

from amaranth.hdl import ClockSignal, Const, Instance, Module, Signal, Value

from hybridmesh.rtl.ethernet.ddr import DdrInput, DdrOutput

__all__ = ["DdrPins"]

STEP = 25
"""Picoseconds of a step of DELAYG."""

STEPS = 127
"""As many as it has."""


class DdrPins:
    """Mixin for an Amaranth platform: registers in the pads.

    The pins of such a register go to pads alone, through ``amaranth.lib.io.Buffer``.
    """

    def get_ddr_input(self, register: DdrInput) -> Module:
        m = Module()
        for n, pin in enumerate(register.pins):
            m.submodules[f"register{n}"] = Instance(
                "IDDRX1F",
                i_SCLK=ClockSignal(),
                i_RST=Const(0),
                i_D=_delayed(m, n, pin, register.delay),
                o_Q0=register.o_first[n],
                o_Q1=register.o_second[n],
            )
        return m

    def get_ddr_output(self, register: DdrOutput) -> Module:
        m = Module()
        for n in range(len(register.pins)):
            bit = Signal()
            m.submodules[f"register{n}"] = Instance(
                "ODDRX1F",
                i_SCLK=ClockSignal(),
                i_RST=Const(0),
                i_D0=register.i_first[n],
                i_D1=register.i_second[n],
                o_Q=bit,
            )
            m.d.comb += register.pins[n].eq(_delayed(m, n, bit, register.delay))
        return m


def _delayed(m: Module, n: int, signal: Value, delay: int) -> Value:
    """*signal*, *delay* picoseconds late."""
    if not delay:
        return signal
    steps = round(delay / STEP)
    if not 0 < steps <= STEPS:
        raise ValueError(f"A pad can be {STEP} to {STEPS * STEP} ps late, not {delay}")
    m.submodules[f"delay{n}"] = Instance(
        "DELAYG", p_DEL_MODE="USER_DEFINED", p_DEL_VALUE=steps, i_A=signal, o_Z=(late := Signal())
    )
    return late

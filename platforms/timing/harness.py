"""The top level that is placed: a component with registers at all its ports, on three pins.

Inputs come from one long shift register, outputs go into another that mixes them on its way to the
pin: nothing is optimised away, and every path that counts is one of the component's own, from
register to register.  The cost is a register for each input bit, a register and a LUT for each
output bit.  Registers start from their initial values, as in Amaranth's ECP5 platform.
"""

from amaranth.back import rtlil
from amaranth.hdl import Cat, ClockDomain, ClockSignal, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["TOP", "Harness", "to_rtlil"]

TOP = "top"


class Harness(wiring.Component):
    """A component between two shift registers.

    Parameters
    ----------
    dut : wiring.Component

    Members
    -------
    clk : in
    serial_in : in
        What the component's inputs are shifted in from.
    serial_out : out
        What becomes of its outputs.

    Attributes
    ----------
    input_bits, output_bits : int
        Lengths of the shift registers.
    """

    def __init__(self, dut: wiring.Component) -> None:
        self._dut = dut
        ports = [
            (member.flow, Value.cast(value))
            for _, member, value in dut.signature.flatten(dut)
            if not isinstance(value, Const)  # ``ready`` of a stream that always is
        ]
        self._inputs = Cat(value for flow, value in ports if flow is In)
        self._outputs = Cat(value for flow, value in ports if flow is Out)
        self.input_bits, self.output_bits = len(self._inputs), len(self._outputs)
        super().__init__({"clk": In(1), "serial_in": In(1), "serial_out": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        m.submodules.dut = self._dut
        shift_in, shift_out = Signal(self.input_bits), Signal(self.output_bits)
        m.d.comb += [
            ClockSignal().eq(self.clk),
            self._inputs.eq(shift_in),
            self.serial_out.eq(shift_out[0]),
        ]
        m.d.sync += [
            shift_in.eq(Cat(shift_in[1:], self.serial_in)),
            shift_out.eq(self._outputs ^ shift_out.rotate_right(1)),
        ]
        return m


def to_rtlil(harness: Harness, platform: object) -> str:
    """The design as yosys reads it; the same sources give the same text."""
    return rtlil.convert(harness, name=TOP, platform=platform, emit_src=False)

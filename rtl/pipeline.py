"""What pipelines are written with: registers in a row, and widths of what counts."""

from amaranth.hdl import Module, Signal, Value

__all__ = ["bits_of", "delayed"]


def delayed(m: Module, value: Value, clocks: int) -> Value:
    """*value* as it was *clocks* clocks before; it itself where that is 0."""
    for _ in range(clocks):
        later = Signal.like(value, init=0, reset_less=True)
        m.d.sync += later.eq(value)
        value = later
    return value


def bits_of(count: int) -> int:
    """Bits of a number below *count*; one at least, for Verilog has no vector of none."""
    return max((count - 1).bit_length(), 1)

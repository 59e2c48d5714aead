"""Content-Length: its decimal digits to binary."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect

from hybridmesh.contract.grammar import MAX_LENGTH_DIGITS

from .field import FieldAligner, marked_beat

__all__ = ["Decimal"]

POSITIONS = 64
"""Key bytes of the aligner; more than the digits, and no fewer than the widest beat."""


class Decimal(wiring.Component):
    """Value of a field of digits (RFC 9110, 8.6), a fixed time after its end.

    ==========  ==================================================  ============
    stage       what happens                                        latency
    ==========  ==================================================  ============
    aligner     digits cut and rotated                              2
    s3_digits   digits and their number held                        3
    value       one digit more a clock: ``10 * value + digit``      3 + digits
    ==========  ==================================================  ============

    Parameters
    ----------
    width : int

    Members
    -------
    i : stream of marked_beat, always ready
    value : out, 32
    """

    latency = FieldAligner.latency + 1 + MAX_LENGTH_DIGITS

    def __init__(self, width: int) -> None:
        self._width = width
        super().__init__(
            {
                "i": In(stream.Signature(marked_beat(width), always_ready=True)),
                "value": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.aligner = aligner = FieldAligner(self._width, POSITIONS)
        connect(m, wiring.flipped(self.i), aligner.i)
        key = aligner.o.p
        count = Signal(16)
        with m.If(aligner.o.valid & key.end):
            m.d.sync += count.eq(key.length)
        value = Signal(32)
        for number in range(MAX_LENGTH_DIGITS):
            word, lane = divmod(number, self._width)
            digit = Signal(4, name=f"digit{number}")
            with m.If(aligner.o.valid & key.mask[lane] & (key.word[lane] == word)):
                m.d.sync += digit.eq(key.data.word_select(2 * lane, 4))
            more = Signal(32, name=f"value{number}")
            m.d.sync += more.eq(Mux(number < count, value * 10 + digit, value))
            value = more
        m.d.comb += self.value.eq(value)
        return m

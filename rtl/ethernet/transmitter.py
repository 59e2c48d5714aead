"""Octets out of frames: preamble, SFD, the frame, padding, FCS, and the gap to the next one
(IEEE 802.3, 4.2.3.2 to 4.2.8).
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.crc import catalog
from amaranth.lib.wiring import In, Out

from .gmii import PREAMBLE, SFD
from .outbox import Written
from .receiver import FCS_BYTES

__all__ = ["GAP", "SHORTEST", "Transmitter"]

PREAMBLE_BYTES = 7
SHORTEST = 60
"""Bytes of the shortest frame, without FCS (IEEE 802.3, 3.2.8)."""
GAP = 12
"""Octets between two frames, at least."""


class Transmitter(wiring.Component):
    """Send frames, at the shortest gap if they are there.

    ======  =====================================================  ================
    stage   what happens                                           latency
    ======  =====================================================  ================
    o       the preamble's first octet; then the SFD               1, 8 octets
    o       the frame, zeros up to :data:`SHORTEST`, the FCS       9 octets
    ======  =====================================================  ================

    Members
    -------
    i : stream of Written
        A frame is taken without a pause, so it has to be there as a whole when it begins.
    step : in
        The next octet is due in the clock after this one.
    data, dv : out
        This octet, and whether it is one.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(Written)),
                "step": In(1),
                "data": Out(8),
                "dv": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i = self.i
        m.submodules.crc = crc = catalog.CRC32_ETHERNET().create()
        left = Signal(range(GAP))  # octets of this state behind this one
        size = Signal(range(SHORTEST))  # of the frame, as far as it counts
        octet, within = Signal(8), Signal(init=1)
        covered = Signal()  # by the FCS

        m.d.comb += [crc.data.eq(octet), crc.valid.eq(self.step & covered)]
        with m.If(self.step):
            m.d.sync += [self.data.eq(octet), self.dv.eq(within), left.eq(left - 1)]
        with m.FSM():
            with m.State("idle"):
                m.d.comb += [octet.eq(PREAMBLE), within.eq(i.valid)]
                with m.If(self.step & i.valid):
                    m.d.sync += left.eq(PREAMBLE_BYTES - 1)
                    m.next = "preamble"
            with m.State("preamble"):
                m.d.comb += [octet.eq(Mux(left == 0, SFD, PREAMBLE)), crc.start.eq(1)]
                with m.If(self.step & (left == 0)):
                    m.d.sync += size.eq(0)
                    m.next = "frame"
            with m.State("frame"):
                m.d.comb += [octet.eq(i.p.data), covered.eq(1), i.ready.eq(self.step)]
                with m.If(self.step):
                    m.d.sync += [size.eq(size + (size != SHORTEST - 1)), left.eq(FCS_BYTES - 1)]
                    with m.If(i.p.last & (size == SHORTEST - 1)):
                        m.next = "fcs"
                    with m.Elif(i.p.last):
                        m.next = "padding"
            with m.State("padding"):
                m.d.comb += covered.eq(1)
                with m.If(self.step):
                    m.d.sync += [size.eq(size + 1), left.eq(FCS_BYTES - 1)]
                    with m.If(size == SHORTEST - 1):
                        m.next = "fcs"
            with m.State("fcs"):
                m.d.comb += octet.eq(crc.crc.word_select(~left[:2], 8))
                with m.If(self.step & (left == 0)):
                    m.d.sync += left.eq(GAP - 1)
                    m.next = "gap"
            with m.State("gap"):
                m.d.comb += within.eq(0)
                with m.If(self.step & (left == 0)):
                    m.next = "idle"
        return m

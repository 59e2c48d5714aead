"""Checksums of the two banks, so that a host knows what a load has brought without reading it back.

CRC-32 as in IEEE 802.3, over 32-bit words, lowest byte first: ``zlib.crc32`` of the same bytes.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.crc.catalog import CRC32_ETHERNET
from amaranth.lib.wiring import In, Out

__all__ = ["BankChecksums"]


class BankChecksums(wiring.Component):
    """CRC-32 of the words of each bank's last load.

    ======  ====================================  =======
    stage   what happens                          latency
    ======  ====================================  =======
    crc     a word is in the spare bank's sum     1
    swap    each bank keeps its sum               1
    ======  ====================================  =======

    Members
    -------
    valid, word : in
        A word of a load; a load begins with the first one after the banks were swapped.
    begin : in
        A load begins, whatever came before.  Not with ``valid``.
    swap : in
        The banks are swapped, behind all words before.  Not with ``valid``.
    in_use, spare : out, 32
    """

    valid: In(1)
    word: In(32)
    begin: In(1)
    swap: In(1)
    in_use: Out(32)
    spare: Out(32)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = crc = CRC32_ETHERNET(data_width=32).create()
        loading = Signal()
        kept = Signal(32)  # of the spare bank while no load has begun

        m.d.comb += [
            crc.data.eq(self.word),
            crc.valid.eq(self.valid),
            crc.start.eq(self.begin | ~loading),
            self.spare.eq(Mux(loading, crc.crc, kept)),
        ]
        with m.If(self.swap):
            m.d.sync += [loading.eq(0), self.in_use.eq(self.spare), kept.eq(self.in_use)]
        with m.Elif(self.begin | self.valid):
            m.d.sync += loading.eq(1)
        return m

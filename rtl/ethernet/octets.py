"""Octets of what a PHY gives, whichever its speed.

Below 1000 Mb/s an octet comes as two nibbles, the lower one first.  Which nibble begins one is not
known before the SFD has been seen: a PHY may give any number of nibbles of preamble (IEEE 802.3,
22.2.4.2.2).
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .gmii import SFD, Symbol

__all__ = ["Octets"]


class Octets(wiring.Component):
    """Put nibbles together; octets pass as they are.

    ======  =====================================================  =======
    stage   what happens                                           latency
    ======  =====================================================  =======
    o       an octet, or the end of the carrier                    1
    ======  =====================================================  =======

    Up to the SFD every pair of nibbles is given, whether it is an octet or ends in the next one.  A
    single nibble at a frame's end is left out (IEEE 802.3, 4.2.4.2.1: truncated to an octet's end).

    Members
    -------
    i : in
        The symbol of this clock, received.
    nibbles : in
        It holds half of an octet, in bits 3:0.
    o : stream of Symbol, always ready
        Octets, and each symbol between frames.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(Symbol),
                "nibbles": In(1),
                "o": Out(stream.Signature(Symbol, always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o = self.i, self.o
        lower, lower_er = Signal(4), Signal()  # the nibble before
        behind_sfd = Signal()
        odd = Signal()  # behind the SFD, the nibble before begins an octet
        octet = Signal(8)

        m.d.comb += octet.eq(Mux(self.nibbles, Cat(lower, i.data[:4]), i.data))
        m.d.sync += [
            lower.eq(Mux(i.dv, i.data[:4], 0)),
            lower_er.eq(i.dv & i.er),
            behind_sfd.eq(i.dv & (behind_sfd | (octet == SFD))),
            odd.eq(i.dv & behind_sfd & ~odd),
            o.valid.eq(~self.nibbles | ~i.dv | ~behind_sfd | odd),
            o.p.data.eq(octet),
            o.p.dv.eq(i.dv),
            o.p.er.eq(i.er | (self.nibbles & odd & lower_er)),
        ]
        return m

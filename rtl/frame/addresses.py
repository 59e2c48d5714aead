"""The IP addresses of a frame: they, and the ports, tell its connection from others."""

from functools import reduce
from operator import xor

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.flow import HASH_BITS
from hybridmesh.contract.geometry import Geometry

from .headers import IPV6_SIZE, placed_beat
from .place import IPV4_ADDRESSES, IPV6_ADDRESSES, TYPED, Header

__all__ = ["AddressStage", "Addresses"]

Addresses = data.StructLayout(
    {
        "ipv4": 1,
        "bytes": 8 * len(IPV6_ADDRESSES),  # the first in the highest bits; IPv4: zeros around
        "hash": HASH_BITS,  # exclusive or of their 32-bit words
    }
)


class AddressStage(wiring.Component):
    """Take the addresses.

    ======  ==================================================  =======
    stage   what happens                                        latency
    ======  ==================================================  =======
    taken   bytes of the IP header taken                        1
    o       those that are of addresses, put together           2
    ======  ==================================================  =======

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    i : stream of placed_beat, always ready
    o : out, Addresses
        As far as the beats up to this one have shown them.
    """

    latency = 2

    def __init__(self, geometry: Geometry) -> None:
        self._width = geometry.width
        super().__init__(
            {
                "i": In(stream.Signature(placed_beat(geometry, extended=False), always_ready=True)),
                "o": Out(Addresses),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, at = self.i.p, self.i.p.at

        # taken
        beats = range((TYPED[-1] + IPV6_SIZE - 1) // self._width + 1)
        header = Header(at, TYPED, i.tags, [at.index == n for n in beats])
        taken, ipv4 = Signal(8 * len(IPV6_ADDRESSES)), Signal()
        m.d.sync += ipv4.eq(i.ipv4)
        with m.If(self.i.valid):
            header.take(m, taken, IPV6_ADDRESSES.start)

        # o
        behind = 8 * (IPV6_ADDRESSES.stop - IPV4_ADDRESSES.stop)
        inside = taken[behind:][: 8 * len(IPV4_ADDRESSES)]
        known = Mux(ipv4, Cat(C(0, behind), inside), taken)
        words = [known.word_select(n, HASH_BITS) for n in range(len(taken) // HASH_BITS)]
        m.d.sync += [
            self.o.ipv4.eq(ipv4),
            self.o.bytes.eq(known),
            self.o.hash.eq(reduce(xor, words)),
        ]
        return m

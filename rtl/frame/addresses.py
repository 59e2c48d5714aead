"""The IP addresses of a frame put together, for the hash of its connection."""

from functools import reduce
from operator import xor

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.flow import HASH_BITS
from hybridmesh.contract.geometry import Geometry

from .headers import placed_beat
from .place import BEHIND_TYPE, addresses

__all__ = ["AddressHash"]

BYTES = HASH_BITS // 8


class AddressHash(wiring.Component):
    """The exclusive or of the 32-bit words of both addresses.

    ======  ==================================================  =======
    stage   what happens                                        latency
    ======  ==================================================  =======
    word    those of the beat put together                      1
    o       and with those of the beats before                  2
    ======  ==================================================  =======

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    i : stream of placed_beat, always ready
    o : out, HASH_BITS
        The first byte of an address is in the highest eight bits.
    """

    latency = 2

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(placed_beat(geometry, extended=False), always_ready=True)),
                "o": Out(HASH_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        at = self.i.p.at
        lanes = addresses(at, self.i.p.tags, self.i.p.ipv4)
        bytes_ = [Mux(lane, at.data.word_select(n, 8), 0) for n, lane in enumerate(lanes)]
        word = Signal(HASH_BITS)
        m.d.sync += word.eq(Cat(self._places(at.index, bytes_)[::-1]))

        valid, first = Signal(), Signal()
        m.d.sync += [valid.eq(self.i.valid), first.eq(at.first)]
        with m.If(valid):
            m.d.sync += self.o.eq(Mux(first, 0, self.o) ^ word)
        return m

    def _places(self, index: Value, bytes_: list[Value]) -> list[Value]:
        """By place in a 32-bit word of an address, the bytes there.

        Addresses begin where the header does, :data:`BEHIND_TYPE` bytes from a word's start.
        """
        width = len(bytes_)
        bits = (BYTES - 1).bit_length() - (min(width, BYTES) - 1).bit_length()
        places = []
        for place in range(BYTES):
            beat, lane = divmod((place + BEHIND_TYPE) % BYTES, min(width, BYTES))
            found = reduce(xor, bytes_[lane::BYTES])
            places.append(Mux(index[:bits] == beat, found, 0) if bits else found)
        return places

"""Byte classes: which of the grammar's byte sets each lane's byte is in.

The beat is turned into eight bit planes and both nibbles are decoded once, whatever the number of
sets; a set is an OR of few products of a set of high nibbles and a set of low ones.
"""

from collections import defaultdict
from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .lanes import all_of, any_of, union

__all__ = ["ByteClasses"]


class ByteClasses(wiring.Component):
    """Compare every lane's byte with every set.

    ======  ================================================  =======
    stage   what happens                                      latency
    ======  ================================================  =======
    o       nibbles decoded, sets composed of them            0
    ======  ================================================  =======

    Parameters
    ----------
    sets : sequence of frozenset of int
    width : int
        Bytes per beat.

    Members
    -------
    data, mask : in
        A beat; lanes outside the mask hold no byte and are in no set.
    o : array of width
        By set, one bit per lane.
    """

    def __init__(self, sets: Sequence[frozenset[int]], width: int) -> None:
        for members in sets:
            if not members <= frozenset(range(256)):
                raise ValueError(f"a set of bytes holds {max(members)}, which is no byte")
        self._sets = tuple(sets)
        self._width = width
        super().__init__(
            {
                "data": In(8 * width),
                "mask": In(width),
                "o": Out(width).array(len(sets)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        planes = [Cat(self.data[k::8]) for k in range(8)]
        low = self._decode(m, planes[:4], "low")
        high = self._decode(m, planes[4:], "high")
        for o, members in zip(self.o, self._sets, strict=True):
            rows = defaultdict(set)
            for n in range(16):
                rows[frozenset(b & 15 for b in members if b >> 4 == n)].add(n)
            products = [
                union(high, highs, self._width) & union(low, lows, self._width)
                for lows, highs in rows.items()
                if lows
            ]
            m.d.comb += o.eq(any_of(products, self._width) & self.mask)
        return m

    def _decode(self, m: Module, planes: Sequence[Value], name: str) -> list[Signal]:
        """By value of a nibble, the lanes that hold it."""
        lanes = [Signal(self._width, name=f"{name}_{n:x}") for n in range(16)]
        for n, holds in enumerate(lanes):
            bits = [plane if n >> k & 1 else ~plane for k, plane in enumerate(planes)]
            m.d.comb += holds.eq(all_of(bits, self._width))
        return lanes

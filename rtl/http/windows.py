"""Windows: where the bytes up to and including a lane's match a pattern of the grammar.

A lane before the payload's first byte stands for START.  Each byte set is kept without START, as
itself or as its complement, so that a lane in no set *is* START, and a look-back register that is
cleared at a frame's first beat holds nothing but START.
"""

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.grammar import ANY, START, Pattern

from .classes import ByteClasses
from .lanes import all_of, back, look_back

__all__ = ["Windows"]


class Windows(wiring.Component):
    """Match the look-back window of every lane with every pattern.

    ========  ==================================================  =======
    stage     what happens                                        latency
    ========  ==================================================  =======
    classes   byte sets by lane, behind those of earlier lanes    1
    o         a pattern's sets ANDed                              2
    ========  ==================================================  =======

    Parameters
    ----------
    patterns : sequence of Pattern
    width : int
        Bytes per beat.

    Members
    -------
    valid, first, last, data, mask : in
        A beat, whether it is a head's first and a frame's last.  The mask's lanes are contiguous,
        in a beat and from beat to beat of a head.
    o : array of width
        By pattern, one bit per lane; has no meaning for lanes outside the mask.
    """

    latency = 2

    def __init__(self, patterns: Sequence[Pattern], width: int) -> None:
        self._patterns = tuple(patterns)
        self._width = width
        super().__init__(
            {
                "valid": In(1),
                "first": In(1),
                "last": In(1),
                "data": In(8 * width),
                "mask": In(width),
                "o": Out(width).array(len(patterns)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self._width
        depths: dict[frozenset[int], int] = {}  # of each set, the oldest byte that is asked for
        for pattern in self._patterns:
            for age, members in enumerate(reversed(pattern)):
                stored = _without_start(members)
                depths[stored] = max(age, depths.get(stored, 0))

        m.submodules.classes = classes = ByteClasses(tuple(depths), width)
        m.d.comb += [classes.data.eq(self.data), classes.mask.eq(self.mask)]
        s1_sets: dict[frozenset[int], Signal] = {
            members: look_back(m, lanes, depth, valid=self.valid, first=self.first, last=self.last)
            for (members, depth), lanes in zip(depths.items(), classes.o, strict=True)
        }

        def holds(members: frozenset[int], age: int) -> Value:
            lanes = back(s1_sets[_without_start(members)], age, width)
            return ~lanes if START in members else lanes

        for o, pattern in zip(self.o, self._patterns, strict=True):
            asked = [
                holds(members, age)
                for age, members in enumerate(reversed(pattern))
                if members != ANY
            ]
            m.d.sync += o.eq(all_of(asked, width))
        return m


def _without_start(members: frozenset[int]) -> frozenset[int]:
    return ANY - members if START in members else members

"""Conditions of the grammar: windows and states put together.

Alternatives under the same roles and lines become one vector before they meet the states.
"""

from collections import defaultdict
from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.grammar import ANY, Condition, Line, Pattern, Role

from .lanes import all_of, any_of, back, delayed, look_back, union

__all__ = ["Conditions"]

States = tuple[frozenset[int], ...]
"""Sets of states, oldest first; the last one is the current byte's."""

HEAD = frozenset(Role) - {Role.DONE}


class Conditions(wiring.Component):
    """Find the lanes where conditions hold, in the head alone.

    ======  ======================================================  =======
    stage   what happens                                            latency
    ======  ======================================================  =======
    s1      windows of alternatives ORed; sets of states by lane,   1
            behind those of earlier lanes
    o       windows and sets of states ANDed, alternatives ORed     2
    ======  ======================================================  =======

    Parameters
    ----------
    asked : sequence of sequence of Condition
        Bit n of a lane is set where one of ``asked[n]`` holds.
    patterns : sequence of Pattern
        What ``windows`` are of.
    width : int
        Bytes per beat.

    Members
    -------
    windows : array of width
        By pattern, the lanes that match.
    valid, first, last, mask : in
        A beat.
    roles, lines : array of width
        By state, the lanes before whose byte the machine is in it.
    o : array of width
        By entry of ``asked``, the lanes where it holds.
    """

    latency = 2

    def __init__(
        self,
        asked: Sequence[Sequence[Condition]],
        patterns: Sequence[Pattern],
        width: int,
    ) -> None:
        self._asked = tuple(map(tuple, asked))
        self._patterns = tuple(patterns)
        self._width = width
        super().__init__(
            {
                "windows": In(width).array(len(patterns)),
                "valid": In(1),
                "first": In(1),
                "last": In(1),
                "mask": In(width),
                "roles": In(width).array(len(Role)),
                "lines": In(width).array(len(Line)),
                "o": Out(width).array(len(asked)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self._width
        plan = [_by_states(conditions) for conditions in self._asked]
        keys = [key for groups in plan for key in groups]
        role_sets = self._sets(m, self.roles, [roles for roles, _ in keys])
        line_sets = self._sets(m, self.lines, [lines for _, lines in keys])

        def within(sets: dict[frozenset[int], Signal], states: States) -> list[Value]:
            return [back(sets[s], age, width) for age, s in enumerate(reversed(states))]

        for o, groups in zip(self.o, plan, strict=True):
            terms = [
                all_of(
                    [
                        *self._window(m, conditions),
                        *within(role_sets, roles),
                        *within(line_sets, lines),
                    ],
                    width,
                )
                for (roles, lines), conditions in groups.items()
            ]
            m.d.sync += o.eq(any_of(terms, width))
        return m

    def _window(self, m: Module, conditions: Sequence[Condition]) -> list[Value]:
        """Lanes whose window is that of one of *conditions*, when the sets of states are there.

        Nothing where one of them asks nothing of the bytes.
        """
        if any({*c.pattern} == {ANY} and not c.unless for c in conditions):
            return []
        windows = dict(zip(self._patterns, self.windows, strict=True))
        terms = [
            all_of([windows[c.pattern], *(~windows[p] for p in c.unless)], self._width)
            for c in conditions
        ]
        return [delayed(m, any_of(terms, self._width), 1)]

    def _sets(
        self, m: Module, one_hot: Sequence[Value], asked: Sequence[States]
    ) -> dict[frozenset[int], Signal]:
        """Lanes in each set of states; a lane outside the mask has no state."""
        depths: dict[frozenset[int], int] = {}
        for states in asked:
            for age, members in enumerate(reversed(states)):
                depths[members] = max(age, depths.get(members, 0))
        return {
            members: look_back(
                m,
                union(one_hot, members, self._width) & self.mask,
                depth,
                valid=self.valid,
                first=self.first,
                last=self.last,
            )
            for members, depth in depths.items()
        }


def _by_states(conditions: Sequence[Condition]) -> dict[tuple[States, States], list[Condition]]:
    """Group *conditions* by what they ask of roles and lines, the head's roles at most."""
    groups = defaultdict(list)
    for condition in conditions:
        *before, current = condition.roles or (HEAD,)
        groups[(*before, current & HEAD), condition.lines].append(condition)
    return dict(groups)

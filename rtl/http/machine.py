"""A finite-state machine that takes a whole beat per clock, by parallel prefix.

A byte is a function from states to states, and functions compose in any grouping (Ladner and
Fischer, "Parallel Prefix Computation", 1980): a tree of log2(width) levels composes those of a
beat, and only the composition of the whole beat stands in the loop of the carried state.
"""

from collections import defaultdict

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.grammar import Machine

from .lanes import any_of, delayed

__all__ = ["PrefixMachine"]

ANYWHERE = -1
"""As the state that a function starts from: all of them."""

Functions = dict[tuple[int, int], Value]
"""By (from, to), the lanes whose function takes the one state to the other.

One bit for each pair of states that is possible at all, not a coded state: a machine that moves
mostly forward has few such pairs, and a composition is a shallow AND-OR.  A symbol that leads to
one state from everywhere sets one bit, from ANYWHERE, so that a machine of many such symbols and
few others has few pairs too.
"""


class PrefixMachine(wiring.Component):
    """Give the state before each lane's byte.

    ==========  ==================================================  ===============
    stage       what happens                                        latency
    ==========  ==================================================  ===============
    function    symbols to functions                                1
    prefix      one level of compositions per stage (Sklansky)      1 + log2(width)
    carried     the beat's composition applied to the carried state 2 + log2(width)
    o           each lane's composition applied to the same         3 + log2(width)
    ==========  ==================================================  ===============

    Parameters
    ----------
    machine : Machine
    width : int
        Bytes per beat, a power of two.

    Members
    -------
    symbols : array of width
        By symbol of the machine, the lanes that match it; of several the first one counts.
    mask : in
        Lanes that hold a byte; none where there is no beat.
    first, last : in
        The machine starts anew before this beat; after it, it is where it was before it.
    o : array of width
        By state, the lanes before whose byte the machine is in it: exactly one for each lane, from
        the first ``first`` on.

    Attributes
    ----------
    latency : int
    """

    def __init__(self, machine: Machine, width: int) -> None:
        self._machine = machine
        self._width = width
        self._levels = width.bit_length() - 1
        self.latency = 3 + self._levels
        super().__init__(
            {
                "symbols": In(width).array(len(machine.symbols)),
                "mask": In(width),
                "first": In(1),
                "last": In(1),
                "o": Out(width).array(len(machine.states)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        functions = self._functions(m)
        for level in range(self._levels):
            functions = self._compose(m, functions, 1 << level)
        marks = delayed(m, Cat(self.first, self.last), 1 + self._levels)
        before = self._carry(m, functions, *marks)
        functions = {move: delayed(m, lanes, 1) for move, lanes in functions.items()}

        for state, o in enumerate(self.o):  # a lane comes after the composition of those before it
            moved = [
                before[source].replicate(self._width) & lanes
                for (source, target), lanes in functions.items()
                if target == state
            ]
            m.d.sync += o.eq(Cat(before[state], any_of(moved, self._width))[: self._width])
        return m

    def _functions(self, m: Module) -> Functions:
        """The function of each lane's byte; a lane outside the mask changes nothing."""
        states = range(len(self._machine.states))
        moves: dict[tuple[int, int], list[Value]] = defaultdict(list)
        free = self.mask
        for symbol, lanes in zip(self._machine.symbols, self.symbols, strict=True):
            targets = self._machine.function(symbol.name)
            if len(set(targets)) == 1:
                moves[ANYWHERE, targets[0]].append(lanes & free)
            else:
                for source, target in enumerate(targets):
                    if source != target:
                        moves[source, target].append(lanes & free)
            free = free & ~lanes
        functions = {move: any_of(lanes, self._width) for move, lanes in moves.items()}
        for state in states:
            leaves = [lanes for (a, _), lanes in functions.items() if a in (state, ANYWHERE)]
            functions[state, state] = ~any_of(leaves, self._width)
        return _registered(m, functions, self._width)

    def _compose(self, m: Module, functions: Functions, span: int) -> Functions:
        """In each block of twice *span* lanes, put the first half's composition before the rest."""
        blocks = range(0, self._width, 2 * span)
        kept = C(sum(((1 << span) - 1) << block for block in blocks), self._width)
        former = {
            move: Cat((C(0, span), lanes[block + span - 1].replicate(span)) for block in blocks)
            for move, lanes in functions.items()
        }
        terms: dict[tuple[int, int], list[Value]] = {
            (source, target): [lanes if source == ANYWHERE else lanes & kept]
            for (source, target), lanes in functions.items()
        }
        for (source, middle), begun in former.items():
            for (again, target), lanes in functions.items():
                if middle == again:
                    terms.setdefault((source, target), []).append(begun & lanes)
        return _registered(
            m, {move: any_of(t, self._width) for move, t in terms.items()}, self._width
        )

    def _carry(
        self, m: Module, functions: Functions, first: Value, last: Value
    ) -> dict[int, Value]:
        """Carry the state from beat to beat; gives, a clock on, whether each is the one before."""
        states = range(len(self._machine.states))
        carried = [Signal(init=s == 0, name=f"carried_{s}") for s in states]
        before = [Signal(init=s == 0, name=f"before_{s}") for s in states]
        now: dict[int, Value] = {s: Mux(first, s == 0, carried[s]) for s in states}
        now[ANYWHERE] = C(1, 1)
        for s in states:
            moved = [now[a] & lanes[-1] for (a, b), lanes in functions.items() if b == s]
            m.d.sync += [
                carried[s].eq(Mux(last, now[s], any_of(moved, 1))),
                before[s].eq(now[s]),
            ]
        return {**dict(enumerate(before)), ANYWHERE: C(1, 1)}


def _registered(m: Module, functions: Functions, width: int) -> Functions:
    registers = {}
    for (source, target), lanes in functions.items():
        begin = "any" if source == ANYWHERE else source
        register = Signal(width, reset_less=True, name=f"from_{begin}_to_{target}")
        m.d.sync += register.eq(lanes)
        registers[source, target] = register
    return registers

"""The prefix machine against the plain stepping of the same machine, byte by byte."""

import enum
import random

import pytest
from streambench import simulate

from hybridmesh.contract.grammar import ANY, LINE, ROLE, Machine, Symbol
from hybridmesh.rtl.http.machine import PrefixMachine


def _random_machine(rng: random.Random) -> Machine:
    states = enum.IntEnum("States", [f"S{n}" for n in range(rng.randint(2, 6))], start=0)
    symbols = tuple(Symbol(f"s{n}", (ANY,)) for n in range(rng.randint(1, 5)))
    transitions = tuple(
        (state, symbol.name, rng.choice(list(states)))
        for state in states
        for symbol in symbols
        if rng.random() < 0.4
    )
    return Machine(states, symbols, transitions)


def _step(machine: Machine, state: int, held: list[bool]) -> int:
    """The state after a byte for which the symbols of *held* hold."""
    name = next((s.name for s, holds in zip(machine.symbols, held, strict=True) if holds), None)
    for source, symbol, target in machine.transitions:
        if (source, symbol) == (state, name):
            return int(target)
    return state


def _check(machine: Machine, width: int, beats: int, rng: random.Random) -> None:
    dut = PrefixMachine(machine, width)
    expected: list[list[int]] = []

    async def testbench(ctx) -> None:
        state = 0
        for clock in range(beats + dut.latency):
            if clock >= dut.latency:
                one_hot = [ctx.get(lanes) for lanes in dut.o]
                for lane, wanted in enumerate(expected[clock - dut.latency]):
                    holds = [s for s, lanes in enumerate(one_hot) if lanes >> lane & 1]
                    assert holds == [wanted], f"clock {clock}, lane {lane}"
            first = clock == 0 or rng.random() < 0.1
            mask = rng.choice([0, (1 << width) - 1, rng.getrandbits(width)])
            held = [[rng.random() < 0.3 for _ in machine.symbols] for _ in range(width)]
            state = 0 if first else state
            states = []
            for lane in range(width):
                states.append(state)
                if mask >> lane & 1:
                    state = _step(machine, state, held[lane])
            expected.append(states)
            ctx.set(dut.first, first)
            ctx.set(dut.mask, mask)
            for number, lanes in enumerate(dut.symbols):
                ctx.set(lanes, sum(held[lane][number] << lane for lane in range(width)))
            await ctx.tick()

    simulate(dut, testbench)


@pytest.mark.parametrize("width", [1, 2, 4, 16])
@pytest.mark.parametrize("seed", range(3))
def test_a_random_machine_is_in_the_state_that_stepping_gives(width: int, seed: int) -> None:
    rng = random.Random(100 * width + seed)
    _check(_random_machine(rng), width, 60, rng)


@pytest.mark.parametrize("machine", [ROLE, LINE], ids=["role", "line"])
@pytest.mark.parametrize("width", [1, 8])
def test_a_machine_of_the_grammar_is_in_the_state_that_stepping_gives(
    machine: Machine, width: int
) -> None:
    _check(machine, width, 100, random.Random(width))

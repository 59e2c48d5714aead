"""Before every byte the machine is in the state that stepping byte by byte leads to."""

import random
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from hybridmesh.rtl.http.machine import PrefixMachine
from tb.lib.begin import is_long, rng_of, start
from tb.lib.design import under_test
from tb.lib.pauses import PAUSES

from . import MACHINES

MACHINE, WIDTH = MACHINES[under_test().name]
SYMBOLS = range(len(MACHINE.symbols))
LATENCY = PrefixMachine(MACHINE, WIDTH).latency
BEATS = 5000 if is_long() else 150
RARITIES = {"rare": 0.02, "some": 0.2, "crowded": 0.6}
"""How likely a symbol is to match a byte; several may, and the first one counts."""

MOVES = {(source, name): target for source, name, target in MACHINE.transitions}


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES), symbols=list(RARITIES))
async def the_state_is_that_of_stepping(dut: Any, idle: str, symbols: str) -> None:
    rng = rng_of(idle, symbols)
    held = RARITIES[symbols]
    dut.mask.value = dut.first.value = 0
    await start(dut)
    expected = stepped(drive(dut, rng, PAUSES[idle](rng), held))
    edge, states = RisingEdge(dut.clk), []
    for clock, wanted in enumerate(expected):
        states.append(wanted)
        await edge
        if clock >= LATENCY:
            assert said(dut) == states[clock - LATENCY], f"clock {clock}"


Beat = tuple[bool, int, list[int]]
"""First of its frame, the mask, and by symbol the lanes that match."""


def drive(dut: Any, rng: random.Random, pause: Iterator[bool], held: float) -> Iterator[Beat]:
    """Drive a beat a clock, of which those that *pause* sits out hold no byte."""
    for n in range(BEATS):
        mask = 0 if next(pause) else rng.choice(((1 << WIDTH) - 1, rng.getrandbits(WIDTH)))
        first = n == 0 or (mask != 0 and rng.random() < 0.1)
        lanes = [sum((rng.random() < held) << n for n in range(WIDTH)) for _ in SYMBOLS]
        dut.first.value = first
        dut.mask.value = mask
        for symbol in SYMBOLS:
            getattr(dut, f"symbols__{symbol}").value = lanes[symbol]
        yield first, mask, lanes


def stepped(beats: Iterator[Beat]) -> Iterator[list[int]]:
    """By beat, the state before each lane's byte."""
    state = 0
    for first, mask, lanes in beats:
        state = 0 if first else state
        states = []
        for lane in range(WIDTH):
            states.append(state)
            held = (s.name for s, at in zip(MACHINE.symbols, lanes, strict=True) if at >> lane & 1)
            if mask >> lane & 1:
                state = int(MOVES.get((state, next(held, "")), state))
        yield states


def said(dut: Any) -> list[int]:
    """The state of each lane, of which there must be exactly one."""
    one_hot = [int(getattr(dut, f"o__{state}").value) for state in MACHINE.states]
    states = [[s for s, lanes in enumerate(one_hot) if lanes >> n & 1] for n in range(WIDTH)]
    return [state for (state,) in states]

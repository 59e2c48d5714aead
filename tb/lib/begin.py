"""What every cocotb test begins with: clock, reset, seed, the short or the long form."""

import os
import random
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import ClockCycles
from cocotb.utils import get_sim_time

from .runner import LONG, SEED

__all__ = ["clock_count", "is_long", "rng_of", "start"]

PERIOD = 8
"""Nanoseconds of a clock."""


async def start(dut: Any) -> None:
    """Run the clock, and take the design through its reset."""
    Clock(dut.clk, PERIOD, unit="ns").start()
    dut.rst.value = 1
    await ClockCycles(dut.clk, 4)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 1)


def clock_count() -> int:
    """Clocks since the simulation began."""
    return int(get_sim_time("ns")) // PERIOD


def rng_of(*parts: object) -> random.Random:
    """A generator that is the same from run to run for the same *parts* and seed."""
    return random.Random(f"{parts}{os.environ.get(SEED, '')}")


def is_long() -> bool:
    """Whether the long form is asked for."""
    return os.environ.get(LONG) == "1"

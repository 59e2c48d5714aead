"""Counters of the contract: each counts the clocks in which its event is high."""

from collections.abc import Sequence

from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from hybridmesh.contract.registers import COUNTERS, Register
from hybridmesh.contract.verdict import SHIM, State

from .registers import register_port

__all__ = ["Counters", "Events", "happening", "verdict_events"]


def happening(counters: Sequence[Register]) -> data.StructLayout:
    """What can happen in a clock, by the counter that it counts for."""
    return data.StructLayout({counter.name: 1 for counter in counters})


Events = happening(COUNTERS)
"""What can happen in the core."""


def verdict_events(verdict: data.View) -> dict[str, object]:
    """What the frame_verdict *verdict* counts as: one of its members is high, none where it drops.

    The state is read from the shim, as the host will read it.
    """
    flags = next(field for field in SHIM.fields if field.name == "flags")
    states = [state for state in State if state is not State.NONE]
    events = {
        state.word: verdict.insert & verdict.shim[8 * flags.offset + state.value.bit_length() - 1]
        for state in states
    }
    events["passed"] = ~verdict.insert & ~verdict.drop
    return events


class Counters(wiring.Component):
    """One 32-bit register for each counter.

    ======  ================  =======
    stage   what happens      latency
    ======  ================  =======
    count   up by one         1
    ======  ================  =======

    Parameters
    ----------
    counters : sequence of Register

    Members
    -------
    events : happening(counters)
    <name> : register_port
        For each of *counters*.
    """

    def __init__(self, counters: Sequence[Register] = COUNTERS) -> None:
        self._counters = counters
        ports = {counter.name: In(register_port(counter)) for counter in counters}
        super().__init__({"events": In(happening(counters))} | ports)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for counter in self._counters:
            word = getattr(self, counter.name).r_data.word
            with m.If(self.events[counter.name]):
                m.d.sync += word.eq(word + 1)
        return m

"""The counters of the contract: each counts the clocks in which its event is high."""

from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from hybridmesh.contract.registers import COUNTERS
from hybridmesh.contract.verdict import SHIM, State

from .registers import register_port

__all__ = ["Counters", "Events", "verdict_events"]

Events = data.StructLayout({counter.name: 1 for counter in COUNTERS})
"""What can happen in a clock."""


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

    Members
    -------
    events : Events
    <name> : register_port
        For each of :data:`~hybridmesh.contract.registers.COUNTERS`.
    """

    def __init__(self) -> None:
        super().__init__({"events": In(Events)} | {c.name: In(register_port(c)) for c in COUNTERS})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for counter in COUNTERS:
            word = getattr(self, counter.name).r_data.word
            with m.If(self.events[counter.name]):
                m.d.sync += word.eq(word + 1)
        return m

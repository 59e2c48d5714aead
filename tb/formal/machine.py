"""Proof of the parallel prefix: a beat at a time is as good as a byte at a time."""

from amaranth.hdl import Array, Assert, Module, Mux, Signal, Value
from amaranth.lib import wiring

from hybridmesh.contract.grammar import LINE, ROLE, Machine

from .proof import Fault, Proof, Spec, past

__all__ = ["PROOFS"]


class Stepping(Spec):
    """The state before each lane's byte is the one that byte after byte leads to."""

    def __init__(self, dut: wiring.Component, machine: Machine, width: int) -> None:
        super().__init__()
        self.dut = dut
        self.machine = machine
        self.width = width

    def claim(self, m: Module) -> None:
        m.submodules.dut = dut = self.dut
        width = self.width
        first, last = self.free(1, "first"), self.free(1, "last")
        mask = self.free(width, "mask")
        m.d.comb += [dut.first.eq(first), dut.last.eq(last), dut.mask.eq(mask)]
        symbols = []
        for symbol, lanes in zip(self.machine.symbols, dut.symbols, strict=True):
            symbols.append(self.free(width, symbol.name))
            m.d.comb += lanes.eq(symbols[-1])

        carried = Signal(range(len(self.machine.states)))
        m.d.comb += Assert(carried < len(self.machine.states))
        state: Value = Mux(first, 0, carried)
        states = []
        for lane in range(width):
            states.append(state)
            stepped = Signal.like(carried, name=f"stepped{lane}")
            m.d.comb += stepped.eq(self._step(state, [lanes[lane] for lanes in symbols]))
            state = Mux(mask[lane], stepped, state)
        with m.If(last):
            m.d.sync += carried.eq(Mux(first, 0, carried))
        with m.Else():
            m.d.sync += carried.eq(state)

        begun, before = Signal(), Signal()  # a head has begun
        m.d.comb += begun.eq(before | first)
        m.d.sync += before.eq(begun)
        for _ in range(dut.latency):
            begun = past(m, begun)
        for lane, state in enumerate(states):
            for _ in range(dut.latency):
                state = past(m, state)
            for number, lanes in enumerate(dut.o):
                m.d.comb += Assert(~begun | (lanes[lane] == (state == number)))

    def _step(self, state: Value, symbols: list[Value]) -> Value:
        """The state after a byte that matches *symbols*; the first of them counts."""
        step = state
        for symbol, matches in reversed(list(zip(self.machine.symbols, symbols, strict=True))):
            step = Mux(matches, Array(self.machine.function(symbol.name))[state], step)
        return step


def _proof(name: str, machine: Machine, width: int) -> Proof:
    return Proof(
        f"{name}-machine-{width}",
        f"{width} bytes a beat: the grammar's machine of {name}s is where single steps lead",
        "hybridmesh.rtl.http.machine",
        lambda module: Stepping(module.PrefixMachine(machine, width), machine, width),
        (
            Fault("free = free & ~lanes", "free = free"),
            Fault("Mux(last, now[s], any_of(moved, 1))", "any_of(moved, 1)"),
            Fault(
                "{s: Mux(first, s == 0, carried[s]) for s in states}", "dict(enumerate(carried))"
            ),
        ),
    )


PROOFS = tuple(
    _proof(name, machine, width)
    for name, machine in (("role", ROLE), ("line", LINE))
    for width in (1, 2)
)

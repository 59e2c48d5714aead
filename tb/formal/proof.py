"""What a proof is: a claim, the block that it is about, and the faults that it must notice."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from amaranth.back import rtlil
from amaranth.hdl import (
    Assert,
    Assume,
    ClockDomain,
    Elaboratable,
    Fragment,
    Module,
    ShapeLike,
    Signal,
    Value,
    ValueCastable,
    ValueLike,
)

__all__ = ["Fault", "Proof", "Spec", "past", "to_rtlil"]


@dataclass(frozen=True)
class Fault:
    """A change to the source of the block, which makes the claim false."""

    old: str
    new: str


class Spec(Elaboratable):
    """A block, its environment and what is claimed of it.

    Every signal that :meth:`free` gives may have any value in any clock.  There is no reset but the
    state in which all begins.
    """

    def __init__(self) -> None:
        self._domain = ClockDomain("sync", reset_less=True)
        self.inputs: list[Signal] = [self._domain.clk]

    def free(self, shape: ShapeLike, name: str) -> ValueCastable | Signal:
        """A new input."""
        signal = Signal(shape, name=name)
        self.inputs.append(getattr(signal, "as_value", lambda: signal)())
        return signal

    def constant(self, m: Module, shape: ShapeLike, name: str) -> Signal:
        """A new input that keeps its value."""
        value, before = self.free(shape, name), Signal(shape, name=f"{name}_before")
        begun = Signal(name=f"{name}_begun")
        m.d.sync += [before.eq(value), begun.eq(1)]
        m.d.comb += Assume(~begun | (value == before))
        return value

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = self._domain
        self.claim(m)
        return m

    def claim(self, m: Module) -> None:
        """Build the block, assume what its environment keeps to, assert what is claimed."""
        raise NotImplementedError


@dataclass(frozen=True)
class Proof:
    """A claim about a block.

    Attributes
    ----------
    name : str
        One word, unique.
    claim : str
        What is true, in a sentence.
    module : str
        Dotted name of the block's module.
    spec : callable
        From this module, or from one with a fault in it, to the specification.
    faults : tuple of Fault
        Each makes the proof fail.
    clocks : int or None
        How long the block is looked at from its first clock on; forever if None.
    fault_clocks : int
        How long a block with a fault is looked at, where it is forever otherwise.
    """

    name: str
    claim: str
    module: str
    spec: Callable[[ModuleType], Spec]
    faults: tuple[Fault, ...]
    clocks: int | None = None
    fault_clocks: int = 30

    def design(self, fault: Fault | None = None) -> str:
        """The specification in RTLIL, of the block as it is or with *fault*."""
        module = import_module(self.module)
        return to_rtlil(self.spec(module if fault is None else _faulty(module, fault)))


class _Platform:
    """Adds to each table memory the claim that its read and write addresses never meet."""

    def get_table_memory(self, memory) -> Module:
        m = memory.elaborate(None)
        meet = memory.w_en & memory.r_en & (memory.w_addr == memory.r_addr)
        m.d.comb += Assert(~meet)
        return m


def to_rtlil(spec: Spec) -> str:
    """The specification as module ``top``."""
    fragment = Fragment.get(spec, _Platform())
    return rtlil.convert(fragment, name="top", ports=spec.inputs, emit_src=False)


def past(m: Module, value: ValueLike, init: int = 0) -> Signal:
    """*value* as it was in the clock before; *init* in the first."""
    value = Value.cast(value)
    before = Signal(len(value), init=init)
    m.d.sync += before.eq(value)
    return before


def _faulty(module: ModuleType, fault: Fault) -> ModuleType:
    """*module* with *fault* in its source."""
    path = Path(module.__file__)
    source = path.read_text()
    if source.count(fault.old) != 1:
        raise ValueError(f"{path.name} has {fault.old!r} {source.count(fault.old)} times, not once")
    faulty = ModuleType(module.__name__)
    faulty.__package__ = module.__package__
    faulty.__file__ = module.__file__
    exec(compile(source.replace(fault.old, fault.new), path, "exec"), faulty.__dict__)
    return faulty

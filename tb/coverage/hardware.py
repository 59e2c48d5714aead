"""The NIC with covers: the RTL as it is, and beside it a register for every bin, which keeps
whether it has ever been hit.

No signal of the RTL is driven, and none is named but public members of its components, found by the
names of the submodules.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from amaranth.back import verilog
from amaranth.hdl import Cat, Fragment, Module, Signal, Value

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.pipeline import delayed
from hybridmesh.rtl.verilog import TOP, HybridMeshNic

from . import classes, flows, lexing, model, streaming, tables
from .model import Group

__all__ = ["SCOPE", "Rtl", "covered_by", "covered_groups", "to_covered_verilog"]

SCOPE = "covers"
"""Name of the module with the registers."""

_ROOMS = (lexing, streaming, tables, flows)


class Rtl:
    """The components of a NIC's *fragment*, and a module *m* to put logic into."""

    def __init__(self, geometry: Geometry, fragment: Fragment, m: Module) -> None:
        self.geometry = geometry
        self.m = m
        self._fragment = fragment

    def part(self, path: str) -> Any:
        """The component whose submodule's name is *path*."""
        fragment = self._fragment
        for name in path.split("."):
            fragment = fragment.find_subfragment(name)
        return fragment.origins[0]

    def late(self, value: Any, clocks: int = 1) -> Value:
        """*value* as it was so many clocks ago."""
        return delayed(self.m, Value.cast(value), clocks)

    def named(self, name: str, value: Value) -> Signal:
        """*value* as a signal: what is used often is worked out once."""
        signal = Signal(len(value), name=name)
        self.m.d.comb += signal.eq(value)
        return signal

    def stands(self, condition: Value, most: int) -> Signal:
        """For how many clocks, this one left out, *condition* has held; *most* at the most."""
        count = Signal(range(most + 1))
        with self.m.If(~condition):
            self.m.d.sync += count.eq(0)
        with self.m.Elif(count != most):
            self.m.d.sync += count.eq(count + 1)
        return count


def covered_groups(geometry: Geometry) -> list[Group]:
    """What is seen in the RTL of a NIC of *geometry*, in the order of its registers."""
    return [group for room in _ROOMS for group in room.groups(geometry)]


def covered_by() -> list[Path]:
    """The sources that say what is seen."""
    modules = (classes, model, *_ROOMS)
    return [Path(__file__), *(Path(str(module.__file__)) for module in modules)]


def to_covered_verilog(geometry: Geometry) -> str:
    """The NIC of *geometry* with its covers as Verilog.

    In a clock with ``sample`` the registers go to ``hits``, a bit for each bin of
    :func:`covered_groups`.  Source attributes say which line of the RTL a signal is from.
    """
    nic = _CoveredNic(geometry, covered_groups(geometry))
    ports = [Value.cast(value) for _, _, value in nic.signature.flatten(nic)]
    text: str = verilog.convert(nic, name=TOP, ports=[*ports, nic.sample, nic.hits])
    return "".join(_chosen(text))


_OFF, _ON = "/*verilator coverage_off*/", "/*verilator coverage_on*/"
_DECLARED = re.compile(r"  (?:input|output|wire|(reg)) (?:\[\d+:0\] )?\\?([^\s;]+)")
_COVERS = f"module \\{TOP}.{SCOPE}"


def _chosen(text: str) -> Iterator[str]:
    """The lines of *text*; Verilator is told not to count toggles but of registers that have a
    name, nor anything in the covers, which need no sources either."""
    inside = False
    for line in text.splitlines(keepends=True):
        if line.startswith(_COVERS):
            inside = True
            yield f"{_OFF}\n"
        elif inside and line.lstrip().startswith("(* src"):
            continue
        elif (declared := _DECLARED.match(line)) and not inside:
            register, name = declared.groups()
            if not register or name.startswith("$") or name == "hits":
                line = f"{_OFF}{line.rstrip()}{_ON}\n"
        yield line
        if inside and line.startswith("endmodule"):
            inside = False
            yield f"{_ON}\n"


class _CoveredNic(HybridMeshNic):
    def __init__(self, geometry: Geometry, groups: Sequence[Group]) -> None:
        super().__init__(geometry)
        self._size, self._groups = geometry, groups
        self.sample = Signal()
        self.hits = Signal(sum(len(group.bins) for group in groups))

    def elaborate(self, platform: object) -> Fragment:
        fragment = Fragment.get(super().elaborate(platform), platform)
        m = Module()
        rtl = Rtl(self._size, fragment, m)
        values: dict[str, Value] = {}
        for room in _ROOMS:
            values |= room.covers(rtl)
        kept = [_kept(m, group, values) for group in self._groups]
        with m.If(self.sample):
            m.d.sync += self.hits.eq(Cat(kept))
        fragment.add_subfragment(Fragment.get(m, platform), SCOPE)
        return fragment


def _kept(m: Module, group: Group, values: Mapping[str, Value]) -> Value:
    """A bit for each bin of *group* that stays when it has been 1 once; a reset does not count."""
    value = values[group.name]
    if len(value) != len(group.bins):
        raise ValueError(f"{group.name} has {len(group.bins)} bins and {len(value)} covers")
    now = Signal(len(value), name=group.name)
    m.d.comb += now.eq(value)
    size = len(next(reversed(group.axes.values())))
    words = []
    for at in range(0, len(value), size):
        word = Signal(size, name=f"{group.name}_{at // size}", reset_less=True)
        m.d.sync += word.eq(word | now[at : at + size])
        words.append(word)
    return Cat(words)

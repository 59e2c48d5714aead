"""Design: a thing under test, as a bench names it."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from amaranth.back import verilog
from amaranth.hdl import Signal, Value
from amaranth.lib import wiring

from hybridmesh.contract.geometry import Geometry

__all__ = ["Design", "benches", "designs", "under_test"]

TB = Path(__file__).resolve().parents[1]

_BENCH, _DESIGN = "HYBRIDMESH_TB_BENCH", "HYBRIDMESH_TB_DESIGN"


@dataclass(frozen=True)
class Design:
    """One component, at one size.

    Parameters
    ----------
    name : str
        A word for it, unique in its bench.
    create : callable
        Returns the Amaranth component, or Verilog with the module *top*.
    geometry : Geometry
    top : str
        Name of the top module.
    """

    name: str
    create: Callable[[], wiring.Component | str]
    geometry: Geometry = field(default_factory=Geometry)
    top: str = "dut"

    def verilog(self) -> str:
        created = self.create()
        if isinstance(created, str):
            return created
        return verilog.convert(created, name=self.top, ports=_ports(created), emit_src=False)


def _ports(component: wiring.Component) -> list[Signal]:
    """The ports of *component*, but for those that are constants, as the ``ready`` of a stream that
    is always ready: these cannot be ports."""
    values = (Value.cast(value) for _, _, value in component.signature.flatten(component))
    return [value for value in values if isinstance(value, Signal)]


def benches() -> list[str]:
    """Names of all benches."""
    return sorted(path.parent.name for path in TB.glob("*/bench.py"))


def designs(bench: str) -> dict[str, Design]:
    """The designs of *bench* by name."""
    return {design.name: design for design in import_module(f"tb.{bench}").DESIGNS}


def environment(bench: str, design: Design) -> dict[str, str]:
    """What tells the simulation what it runs."""
    return {_BENCH: bench, _DESIGN: design.name}


def under_test() -> Design:
    """Within a simulation: the design that it runs."""
    return designs(os.environ[_BENCH])[os.environ[_DESIGN]]

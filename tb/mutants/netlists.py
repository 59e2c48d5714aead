"""Whether a fault is one of the hardware at all: a mutant with the same netlists is equivalent.

The netlists are those of the designs that the benches build, and of whole NICs.
"""

import hashlib
import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from types import FrameType
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Signal, Value
from amaranth.lib import wiring

__all__ = ["NICS", "netlists"]

NICS: dict[str, dict[str, int]] = {
    "nic-width1": {"width": 1, "rows": 32, "hosts": 16, "predicates": 16, "flows": 16},
    "nic-width8": {"width": 8, "rows": 64, "hosts": 32, "predicates": 32, "flows": 1024},
}
"""Whole NICs by name, and their sizes."""


def netlists(names: Sequence[str], traced: str | None = None) -> dict[str, Any]:
    """Hashes of the RTLIL of designs, each a NIC or ``bench-design``, and the ``lines`` of the
    source *traced* that were run to make them.
    """
    lines: set[int] = set()
    place = None if traced is None else os.path.realpath(traced)

    @cache
    def is_traced(name: str) -> bool:
        return os.path.realpath(name) == place

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if not is_traced(frame.f_code.co_filename):
            return None
        lines.add(frame.f_lineno)
        return trace

    if place is not None:
        sys.settrace(trace)
    try:
        hashes = {name: hashlib.sha256(_rtlil(name).encode()).hexdigest()[:16] for name in names}
    finally:
        sys.settrace(None)
    return {"hashes": hashes, "lines": sorted(lines)}


def _rtlil(name: str) -> str:
    """What it is made of is imported only now: constants of a source are traced too."""
    if name in NICS:
        geometry = import_module("hybridmesh.contract.geometry").Geometry
        component = import_module("hybridmesh.rtl.nic").NicCore(geometry(**NICS[name]))
    else:
        bench, _, design = name.partition("-")
        component = import_module("tb.lib.design").designs(bench)[design].create()
    assert isinstance(component, wiring.Component)
    values = (Value.cast(value) for _, _, value in component.signature.flatten(component))
    ports = [value for value in values if isinstance(value, Signal)]  # not those always ready
    return rtlil.convert(component, ports=ports, emit_src=False)

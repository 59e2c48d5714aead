"""Whether a fault is one of the hardware at all: a mutant with the same netlists is equivalent.

The netlists are those of the designs that the benches build, and of whole NICs.
"""

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module

from amaranth.back import rtlil
from amaranth.hdl import Signal, Value
from amaranth.lib import wiring

__all__ = ["netlists"]

_NICS = [
    {"width": 1, "rows": 32, "hosts": 16, "predicates": 16, "flows": 16},
    {"width": 8, "rows": 64, "hosts": 32, "predicates": 32, "flows": 1024},
]
"""Geometries of the whole NICs."""


def netlists(
    benches: Sequence[str], traced: str | None, known: Mapping[str, str] | None
) -> dict[str, object]:
    """Hashes of the RTLIL of the designs of *benches* and of NICs, by their names, and the
    ``lines`` of the source *traced* that were run to make them.

    It ends with the first that differs from the one *known*, if that is given.
    """
    hashes: dict[str, str] = {}
    lines: set[int] = set()

    @cache
    def is_traced(name: str) -> bool:
        return os.path.realpath(name) == traced

    def trace(frame, event, argument):
        if not is_traced(frame.f_code.co_filename):
            return None
        lines.add(frame.f_lineno)
        return trace

    if traced is not None:
        traced = os.path.realpath(traced)
        sys.settrace(trace)
    try:
        for name, made in _made(benches):
            hashes[name] = hashlib.sha256(made.encode()).hexdigest()
            if known is not None and known.get(name) != hashes[name]:
                break
    finally:
        sys.settrace(None)
    return {"hashes": hashes, "lines": sorted(lines)}


def _made(benches: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The designs; what they are made of is imported here, for constants count too."""
    for bench in benches:
        for design in import_module(f"tb.{bench}").DESIGNS:
            created = design.create() if "64" not in design.name else None
            if isinstance(created, wiring.Component):
                yield f"{bench}-{design.name}", _rtlil(created)
    geometry = import_module("hybridmesh.contract.geometry").Geometry
    nic = import_module("hybridmesh.rtl.nic").NicCore
    for sizes in _NICS:
        yield f"nic-{sizes}", _rtlil(nic(geometry(**sizes)))


def _rtlil(component: wiring.Component) -> str:
    values = (Value.cast(value) for _, _, value in component.signature.flatten(component))
    ports = [value for value in values if isinstance(value, Signal)]  # not those always ready
    return rtlil.convert(component, ports=ports, emit_src=False)

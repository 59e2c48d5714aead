"""The NIC with probes: the RTL as it is, and beside it a module that shows what goes on in it.

No signal of the RTL is driven, and none is named but public members of its components, found by the
names of the submodules.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from amaranth.back import verilog
from amaranth.hdl import Cat, Const, Fragment, Module, Signal, Value

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import Line, Mark, Role
from hybridmesh.contract.verdict import SHIM, Reason
from hybridmesh.rtl.pipeline import delayed
from hybridmesh.rtl.verilog import TOP, HybridMeshNic

from .probes import SCOPE, Probe, probe_groups

__all__ = ["to_probed_verilog"]


_DEPTH = 4
"""Modules within modules of which the waves tell: down to the TCAMs, not to their memories."""

_MODULE = re.compile(r"module \\?([^\s(]+)")
_DECLARATION = re.compile(r"  (?:input|output|wire|reg)(?: \[\d+:0\])? \\?([^\s;]+)")
_OFF, _ON = "/*verilator tracing_off*/", "/*verilator tracing_on*/"


def to_probed_verilog(geometry: Geometry) -> str:
    """The NIC of *geometry* with its probes as Verilog, see :mod:`hybridmesh.rtl.verilog`.

    Comments tell Verilator to leave out of the waves what has no name, and what is deep inside: it
    would be nine tenths of them, and of what is to be compiled.
    """
    probes = [probe for group in probe_groups(geometry) for probe in group.probes]
    nic = _ProbedNic(geometry, probes)
    text: str = verilog.convert(nic, name=TOP, emit_src=False, strip_internal_attrs=True)
    return "".join(_chosen(text, {probe.name for probe in probes}))


def _chosen(verilog: str, probes: Collection[str]) -> Iterator[str]:
    probed = told = False
    for line in verilog.splitlines(keepends=True):
        if module := _MODULE.match(line):
            path = module[1].split(".")
            probed = path == [TOP, SCOPE]
            told = len(path) <= 1 + _DEPTH and not any(name.startswith("U$") for name in path)
        elif declared := _DECLARATION.match(line):
            name = declared[1]
            if not told or "$" in name or (probed and name not in probes):
                line = f"{_OFF}{line.rstrip()}{_ON}\n"
        yield line


class _ProbedNic(HybridMeshNic):  # type: ignore[misc]  # Amaranth has no types
    def __init__(self, geometry: Geometry, probes: Iterable[Probe]) -> None:
        super().__init__(geometry)
        self._probes = probes

    def elaborate(self, platform: object) -> Fragment:
        fragment = Fragment.get(super().elaborate(platform), platform)
        fragment.add_subfragment(_Finder(fragment).module(self._probes), SCOPE)
        return fragment


class _Finder:
    """Finds the values of the probes in the NIC's *fragment*."""

    def __init__(self, fragment: Fragment) -> None:
        self._fragment = fragment
        self._m = Module()

    def module(self, probes: Iterable[Probe]) -> Fragment:
        """A module with a signal for each of *probes*, of its name."""
        core = self._part("core")
        values = {
            **self._stream("wire", core.wire_rx),
            **self._lexer(),
            **self._path(),
            **self._rows(),
            **self._verdict(),
            **self._stream("host", core.host_rx),
        }
        for probe in probes:
            signal = Signal(probe.bits, name=probe.name)
            self._m.d.comb += signal.eq(values[probe.name])
        return Fragment.get(self._m, None)

    def _part(self, path: str) -> Any:
        """The component whose submodule's name is *path*."""
        fragment = self._fragment
        for name in path.split("."):
            fragment = fragment.find_subfragment(name)
        return fragment.origins[0]

    def _late(self, value: Any, clocks: int) -> Value:
        return delayed(self._m, Value.cast(value), clocks)

    def _stream(self, name: str, stream: Any) -> dict[str, Value]:
        beat = stream.p
        return {
            f"{name}_beat": stream.valid & stream.ready,
            f"{name}_text": _text(beat.data),
            f"{name}_keep": _lanes(beat.keep),
            f"{name}_last": beat.last,
        }

    def _lexer(self) -> dict[str, Value]:
        lexer = self._part("core.engine.lexer")
        conditions = self._part("core.engine.lexer.conditions")
        beat = lexer.o.p

        def state(lanes: Value) -> Value:
            return _lanes(self._late(lanes, conditions.latency) & beat.mask)

        return {
            "lexer_beat": lexer.o.valid,
            "lexer_text": _text(beat.data),
            "lexer_mask": _lanes(beat.mask),
            "lexer_last": beat.last,
            **{f"role_{r.name.lower()}": state(conditions.roles[r]) for r in Role},
            **{f"line_{x.name.lower()}": state(conditions.lines[x]) for x in Line},
            **{f"mark_{mark.name.lower()}": _lanes(beat.marks[mark]) for mark in Mark},
            **{f"rule_{r.name.lower()}": _lanes(beat.rules[r]) for r in Reason},
        }

    def _path(self) -> dict[str, Value]:
        tcam = self._part("core.engine.path")
        keys = self._part("core.engine.keys")
        key = self._part("core.engine.aligner").o
        late = {
            "path_beat": key.valid & key.p.used,
            "path_text": _text(key.p.data),
            "path_mask": _lanes(key.p.mask),
            "path_begin": key.p.begin,
            "path_end": key.p.end,
        }
        return {
            **{name: self._late(value, tcam.latency) for name, value in late.items()},
            "path_rows": tcam.match,
            "predicates_met": keys.seen,
            "predicates_repeated": keys.repeated,
            "predicates_crowded": keys.crowded,
        }

    def _rows(self) -> dict[str, Value]:
        rows = self._part("core.engine.rows")
        calls = self._part("core.engine.rows.calls")
        classes = self._part("core.engine.rows.classes")
        lowest = self._part("core.engine.rows.flags")
        ored = 1 + lowest.latency  # from where all conditions are there
        return {
            "row_beat": self._late(lowest.valid, lowest.latency - lowest.lead),
            "row_by_path": self._late(rows.path, classes.latency + ored),
            "row_by_call": self._late(calls.match, ored),
            "row_by_host": self._late(~_any(classes.o), ored),
            "row_left": self._late(lowest.i, lowest.latency),
            "row_found": rows.found,
            "row_number": rows.row,
        }

    def _verdict(self) -> dict[str, Value]:
        verdict = self._part("core.engine").o
        shim = verdict.p.shim
        fields = {
            field.name: Cat(
                shim.word_select(byte, 8)
                for byte in reversed(range(field.offset, field.offset + field.bits // 8))
            )
            for field in SHIM.fields
        }
        return {
            "verdict_beat": verdict.valid,
            "verdict_insert": verdict.p.insert,
            **{f"verdict_{name}": value for name, value in fields.items()},
        }


def _any(vectors: Iterable[Value]) -> Value:
    total: Value = Const(0)
    for vector in vectors:
        total = total | vector
    return total


def _lanes(lanes: Any) -> Value:
    """*lanes* as they are read: the first one leftmost."""
    return Cat(reversed(Value.cast(lanes)))


def _text(data: Any) -> Value:
    """Bytes as they are read: the first one leftmost."""
    vector = Value.cast(data)
    return Cat(vector.word_select(n, 8) for n in reversed(range(len(vector) // 8)))

"""What is mutated, and which tests must notice.

A source's tests are those that come to import it: first the file that mirrors it, then its room;
what survives these meets what is made of it, in simulations that take longer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tb.lib.design import benches, designs

from .depends import Dependencies
from .netlists import NICS

__all__ = ["ROOMS", "STOPWATCHES", "Stages", "Suites"]

STOPWATCHES = (
    "tests/compiler/test_compile_table.py::test_a_thousand_routes_compile_within_a_second",
    "tests/reference/test_matcher.py::test_five_thousand_routes_cost_no_more_than_five",
)
"""Tests that fail where the machine is slow, whatever the sources are."""

_BENCHES = "tests/tb/test_benches.py"
_SUITES = "tb/mutants/suites.py"
_NETLISTS = "tb/mutants/netlists.py"
_NIC_CORE = "rtl/nic.py"
_ENGINE_CORE = "rtl/engine.py"  # benches of all of it are as large as a NIC, or take yosys


@dataclass(frozen=True)
class Room:
    """Sources of a folder, *tests* that are near to them and *wide* ones, files or folders, and
    *benches*, each with one of its designs."""

    folder: str
    tests: tuple[str, ...]
    wide: tuple[str, ...] = ()
    benches: tuple[str, ...] = ()


_ENGINE = ("tests/rtl/test_engine.py",)
_STREAMS = ("stream_parts-register_slice", "stream_parts-fifo", "stream_parts-small_fifo")
_MATCH = ("match_parts-hosts8", "match_parts-rows8", "match_parts-decimal8")
_SOFTWARE = ("tests/compiler", "tests/reference", "tests/contract")

ROOMS = {
    room.folder: room
    for room in (
        Room("rtl/http", ("tests/rtl/http",), _ENGINE, ("lexer-width8",)),
        Room("rtl/match", ("tests/rtl/match",), _ENGINE, (*_MATCH, "key_matcher-width8")),
        Room("rtl/flow", ("tests/rtl/flow",), (), ("flow_guard-width8_16", "joiner-width8")),
        Room(
            "rtl/frame", ("tests/rtl/frame",), (), ("frame_walker-width8", "shim_inserter-width8")
        ),
        Room("rtl/control", ("tests/rtl/control",), (), ("registers-axi", "inband-width1")),
        Room(
            "rtl/ethernet", ("tests/rtl/ethernet",), (), ("ethernet_mac-small", "ethernet_pins-mac")
        ),
        Room("rtl", ("tests/rtl/*.py",), (), (*_STREAMS, "verdict_engine-width8")),
        Room("sw/compiler", ("tests/compiler",), _SOFTWARE),
        Room("sw/reference", ("tests/reference",), _SOFTWARE),
        Room("sw/contract", ("tests/contract",), (*_SOFTWARE, "tests/rtl/http")),
    )
}


@dataclass(frozen=True)
class Stages:
    """Tests by stage, as pytest takes them; a test is in one of them.

    Attributes
    ----------
    near : tuple of tuple of str
        What mirrors the source, and its room.
    wide : tuple of str
    """

    near: tuple[tuple[str, ...], ...]
    wide: tuple[str, ...]


class Suites:
    """Sources and their tests, of the checkout at *root*."""

    def __init__(self, root: Path, depends: Dependencies) -> None:
        self._root = root
        self._depends = depends

    def sources(self, room: Room) -> list[str]:
        files = (self._root / room.folder).glob("*.py")
        return sorted(str(f.relative_to(self._root)) for f in files if f.name != "__init__.py")

    def stages(self, path: str) -> Stages:
        """The tests of the source *path*."""
        room = ROOMS[str(Path(path).parent)]
        stem = Path(path).stem
        tests = self._files(room.tests, path)
        mirror = tuple(t for t in tests if f"_{Path(t).stem}".endswith(f"_{stem}"))
        others = tuple(t for t in tests if t not in mirror)
        wide = tuple(t for t in self._files(room.wide, path) if t not in tests)
        return Stages(
            tuple(stage for stage in (mirror, others) if stage), (*wide, *self._cases(room, path))
        )

    def hardware(self, path: str) -> list[str]:
        """The designs that *path* is a part of, small ones first; none where software uses it."""
        if not path.startswith("rtl/"):
            return []
        used = [
            f"{bench}-{design}"
            for bench in benches()
            if path in (files := self._depends.of(_bench_roots(bench)[:1]))
            and _ENGINE_CORE not in files
            for design in designs(bench)
        ]
        used.sort(key=lambda name: name.endswith("64"))  # they take long
        return used + (list(NICS) if path in self._depends.of([_NIC_CORE]) else [])

    def digest(self, tests: Iterable[str]) -> str:
        """Hash over all that *tests*, or designs, depend on."""
        return self._depends.digest(chain.from_iterable(_roots(test) for test in tests))

    def evidence(self, path: str, by: str) -> str:
        """Hash over what it depends on that the test *by* notices a mutant of *path*; over what
        all its tests depend on where it is no test."""
        if ".py" in by:
            return self.digest((by,))
        stages = self.stages(path)
        tests = (*chain.from_iterable(stages.near), *stages.wide)
        return self.digest((*tests, *self.hardware(path), _SUITES))

    def _files(self, places: tuple[str, ...], path: str) -> list[str]:
        """Test files of *places* that come to import *path*."""
        found: dict[str, None] = {}
        for place in places:
            pattern = f"{place}/**/test_*.py" if (self._root / place).is_dir() else place
            for file in sorted(self._root.glob(pattern)):
                test = str(file.relative_to(self._root))
                if file.name.startswith("test_") and path in self._depends.of([test]):
                    found[test] = None
        return list(found)

    def _cases(self, room: Room, path: str) -> Iterator[str]:
        for case in room.benches:
            if path in self._depends.of(_bench_roots(case.partition("-")[0])):
                yield f"{_BENCHES}::test_bench[{case}]"


def _roots(name: str) -> list[str]:
    """The files that say what the test or design *name* is."""
    file, _, case = name.partition("::")
    if name in NICS:
        return [_NETLISTS, _NIC_CORE]
    if file == _BENCHES and case:
        return [file, *_bench_roots(case.partition("[")[2].partition("-")[0])]
    return [file] if file.endswith(".py") else [_NETLISTS, *_bench_roots(file.partition("-")[0])]


def _bench_roots(bench: str) -> list[str]:
    return [f"tb/{bench}/__init__.py", f"tb/{bench}/bench.py"]

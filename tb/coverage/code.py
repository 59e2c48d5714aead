"""What Verilator has counted: blocks of code that ran, branches that were taken, bits of registers
that have risen, and that have fallen; by the RTL's components.

Only registers with a name are counted: what lies between them is a function of them.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Block", "Code", "read_code"]

_POINT = re.compile(r"^C '(.*)' (\d+)$")
_SOURCE = re.compile(r'\(\* src = "(?:[^"]*/)?(rtl/[^"|]*?:\d+)"')
_ATTRIBUTE = re.compile(r"\(\*.*?\*\)")
_DEPTH = 3
"""Modules within modules that are told apart."""


@dataclass
class Block:
    """A component: what there is of it, and what has not been."""

    name: str
    lines: int = 0
    toggles: int = 0
    missed_lines: list[str] = field(default_factory=list)
    missed_toggles: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Code:
    """All components of a NIC of one width."""

    width: int
    blocks: list[Block]

    @property
    def lines(self) -> tuple[int, int]:
        """Those that ran, and all."""
        total = sum(block.lines for block in self.blocks)
        return total - sum(len(block.missed_lines) for block in self.blocks), total

    @property
    def toggles(self) -> tuple[int, int]:
        total = sum(block.toggles for block in self.blocks)
        return total - sum(len(block.missed_toggles) for block in self.blocks), total


def read_code(width: int, verilog: Path, counts: Iterable[Path]) -> Code:
    """What all *counts* of one NIC together say, whose Verilog is *verilog*."""
    totals: defaultdict[str, int] = defaultdict(int)
    for path in counts:
        with path.open(encoding="latin-1") as file:
            for line in file:
                if found := _POINT.match(line):
                    totals[found[1]] += int(found[2])
    text = verilog.read_text().splitlines()
    blocks: dict[str, Block] = {}
    for point, count in totals.items():
        keys = dict(part.split("\x02", 1) for part in point.split("\x01")[1:])
        if "$auto$" in text[int(keys["l"]) - 1]:
            continue  # put there for simulators, not for what it does
        name = _component(keys)
        block = blocks.setdefault(name, Block(name))
        if keys["page"].startswith("v_toggle"):
            block.toggles += 1
            if not count:
                block.missed_toggles.append(_toggle(keys, text))
        else:
            block.lines += 1
            if not count:
                block.missed_lines.append(_line(keys, text))
    return Code(width, sorted(blocks.values(), key=lambda block: block.name))


def _component(keys: dict[str, str]) -> str:
    """The component whose instance a point is in."""
    parts = _instance(keys).split(".")[:_DEPTH]
    return ".".join(re.sub(r"\$\d+$", "", part) for part in parts) or "top"


def _toggle(keys: dict[str, str], text: list[str]) -> str:
    return f"{_instance(keys)}.{keys['o']} ({_source(int(keys['l']), text)})"


def _line(keys: dict[str, str], text: list[str]) -> str:
    line = int(keys["l"])
    code = _ATTRIBUTE.sub("", text[line - 1]).strip()
    return f"{_instance(keys)}: {keys['o']} of {code} ({_source(line, text)})"


def _instance(keys: dict[str, str]) -> str:
    """The instance of a point, within the NIC."""
    return ".".join(keys["h"].split(".")[2:])


def _source(line: int, text: list[str]) -> str:
    """The place in the RTL that Verilog *line* comes from, as the attribute above it says."""
    for above in _above(line, text):
        if found := _SOURCE.search(above):
            return found[1]
    return "?"


def _above(line: int, text: list[str]) -> Iterator[str]:
    return (text[n] for n in range(line - 1, max(line - 8, -1), -1))

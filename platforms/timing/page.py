"""The measurements as tables and a plot, and the page of the docs that holds them."""

import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

from .markdown import fill, table, tools_used
from .results import Result
from .targets import Design, Family

__all__ = ["tables", "write_page", "write_plot"]

Column = tuple[str, Callable[[Result], str]]


def tables(results: Sequence[Result]) -> str:
    """All tables, in Markdown."""
    nics = [r for r in results if r.target.design is Design.NIC]
    tcams = [r for r in results if r.target.design is Design.TCAM]
    placed = [r for r in nics if r.target.device.family is Family.ECP5]
    counted = [r for r in nics if r.target.device.family is not Family.ECP5]
    paths = [r for r in results if r.typical]
    sections = [
        f"Measured with {tools_used()} on {os.cpu_count()} {platform.machine()} cores.",
        "![clocks of the targets](performance.svg)",
        "### NicCore, placed and routed",
        table(placed, _NIC),
        "### NicCore, synthesised only",
        "No place and route, no clock: counts of `synth_xilinx -family xcup`.",
        table(counted, _COUNTS) if counted else "Not measured.",
        "### The TCAM alone",
        table(tcams, _TCAM),
        "### Slowest paths",
        table(paths, _PATHS),
    ]
    return "\n\n".join(sections)


def write_page(page: Path, results: Sequence[Result]) -> None:
    """Put the tables between the markers of *page*."""
    fill(page, tables(results))


def write_plot(picture: Path, results: Sequence[Result]) -> None:
    """Draw the clocks of what was placed, beside their goals, as SVG."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    shown = [r for r in reversed(results) if r.placements]
    with rc_context({"svg.hashsalt": "hybridmesh", "font.size": 9}):
        figure = Figure(figsize=(8, 1 + 0.4 * len(shown)), layout="constrained")
        axes = figure.subplots()
        for y, result in enumerate(shown):
            low, high = result.spread
            axes.plot([low, high], [y, y], color="tab:blue", linewidth=6, alpha=0.3)
            axes.plot(result.fmax, y, "o", color="tab:blue")
            if goal := result.target.goal_mhz:
                axes.plot([goal, goal], [y - 0.3, y + 0.3], color="tab:red", linewidth=2)
            label = f"{result.fmax:.0f} MHz, {result.gbps:.1f} Gb/s"
            right = max(high, goal or 0)
            axes.annotate(label, (right, y), (6, 0), textcoords="offset points", va="center")
        axes.set_yticks(range(len(shown)), [f"{r.target.name}" for r in shown])
        axes.set_ylim(-0.6, len(shown) - 0.4)
        axes.set_xlim(0, 1.25 * max(r.spread[1] for r in shown))
        axes.set_xlabel("clock in MHz: median and spread of the seeds (blue), goal (red)")
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(picture, format="svg", metadata={"Date": None})


def _used(part: str) -> Callable[[Result], str]:
    def tell(result: Result) -> str:
        count, most = result.used.get(part, 0), result.available.get(part)
        return f"{count:,}" + (f" ({count / most:.0%})" if most else "")

    return tell


def _clock(result: Result) -> str:
    if result.fmax is None or result.spread is None:
        return result.failure or "-"
    low, high = result.spread
    seeds = len(result.placements)
    spread = "1 seed" if seeds == 1 else f"{low:.1f} to {high:.1f}, {seeds} seeds"
    return f"{result.fmax:.1f} ({spread})"


def _goal(result: Result) -> str:
    goal = result.target.goal_mhz
    return f"{goal:g}: {'met' if result.met else '**missed**'}" if goal else "-"


def _number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _latency(result: Result) -> str:
    return f"{result.latency} / {_number(result.latency_ns)}"


def _key_bits(result: Result) -> int:
    return 8 * result.target.geometry.path_bytes


def _rule_bits(result: Result) -> int:
    return result.target.geometry.rows * _key_bits(result)


def _per_rule_bit(result: Result, parts: dict[str, int]) -> str:
    total = sum(weight * result.used.get(part, 0) for part, weight in parts.items())
    return f"{total / _rule_bits(result):.3f}"


def _lookups(key_bytes: int | None) -> Callable[[Result], str]:
    """Millions of keys of so many bytes per second; None: of the longest, which has no terminator
    left to be looked up."""

    def tell(result: Result) -> str:
        geometry = result.target.geometry
        looked_up = geometry.path_bytes if key_bytes is None else key_bytes + 1
        beats = -(-looked_up // geometry.width)
        return _number(result.fmax and result.fmax / beats, 1)

    return tell


def _updates(result: Result) -> str:
    """Thousands of rules per second, all rules of a bank being written."""
    geometry = result.target.geometry
    return _number(result.fmax and 1000 * result.fmax * geometry.rows / geometry.path.words)


_SIZE: tuple[Column, ...] = (
    ("target", lambda r: f"`{r.target.name}`"),
    ("device", lambda r: r.target.device.name),
)
_NIC: tuple[Column, ...] = (
    *_SIZE,
    ("bytes per beat", lambda r: str(r.target.geometry.width)),
    ("rows", lambda r: str(r.target.geometry.rows)),
    ("hosts", lambda r: str(r.target.geometry.hosts)),
    ("LUT4", _used("LUT4")),
    ("FF", _used("FF")),
    ("DP16KD", _used("DP16KD")),
    ("clock in MHz", _clock),
    ("goal", _goal),
    ("Gb/s", lambda r: _number(r.gbps, 2)),
    ("latency in clocks / ns", _latency),
)
_COUNTS: tuple[Column, ...] = (
    *_SIZE,
    ("bytes per beat", lambda r: str(r.target.geometry.width)),
    ("rows", lambda r: str(r.target.geometry.rows)),
    ("hosts", lambda r: str(r.target.geometry.hosts)),
    *((part, _used(part)) for part in ("LUT", "FF", "RAMB36", "RAMB18", "RAM32M16", "RAM64M8")),
    ("latency in clocks", lambda r: str(r.latency)),
)
_TCAM: tuple[Column, ...] = (
    *_SIZE,
    ("rules x key bits", lambda r: f"{r.target.geometry.rows} x {_key_bits(r)}"),
    ("bytes per beat", lambda r: str(r.target.geometry.width)),
    ("clock in MHz", _clock),
    ("LUTs per rule bit", lambda r: _per_rule_bit(r, {"LUT4": 1, "LUT": 1})),
    (
        "RAM bits per rule bit",
        lambda r: _per_rule_bit(
            r, {"DP16KD": 18432, "RAMB36": 36864, "RAMB18": 18432, "RAM32M16": 512, "RAM64M8": 512}
        ),
    ),
    ("M lookups/s, 4-byte keys", _lookups(4)),
    ("of the longest keys", _lookups(None)),
    ("k rules written/s", _updates),
    ("search stops for it", lambda r: "no"),
)
_PATHS: tuple[Column, ...] = (
    ("target", lambda r: f"`{r.target.name}`"),
    ("from", lambda r: f"`{r.typical.path.source}`"),
    ("to", lambda r: f"`{r.typical.path.sink}`"),
    ("ns", lambda r: f"{r.typical.path.delay_ns:.1f}"),
    ("of them wires", lambda r: f"{r.typical.path.routing_ns:.1f}"),
    ("cells of logic", lambda r: str(r.typical.path.levels)),
)

"""What was built as tables and a picture, and the page of the docs that holds them."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..ecp5.devices import PARTS
from ..timing.markdown import fill, table, tools_used
from .results import Built, Domain, Placed

__all__ = ["tables", "write_page", "write_plot"]

Column = tuple[str, Callable[[Built], str]]


def tables(builds: Sequence[Built]) -> str:
    """All tables, in Markdown."""
    sections = [
        f"Built with {tools_used()}.",
        "![what the boards' devices are used for](boards.svg)",
        "### What it takes",
        table(builds, _TAKES),
        "### Clocks",
        "In MHz after routing, the slowest and the fastest of the seeds; the margin is the best "
        "seed's, whose bitstream it is.",
        _clocks(builds),
        "### Slowest paths",
        _paths(builds),
    ]
    return "\n\n".join(sections)


def write_page(path: Path, builds: Sequence[Built]) -> None:
    """Put the tables between the markers of the page."""
    fill(path, tables(builds))


def write_plot(picture: Path, builds: Sequence[Built]) -> None:
    """Draw what the parts of the design take of each device, as SVG."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "hybridmesh", "font.size": 9}):
        figure = Figure(figsize=(8, 1 + 1.1 * len(builds)), layout="constrained")
        axes = figure.subplots()
        bars = [(built, word) for built in reversed(builds) for word in reversed(PARTS)]
        left = [0.0] * len(bars)
        for part in builds[0].shares:
            widths = [100 * built.share(part, word) for built, word in bars]
            axes.barh(range(len(bars)), widths, left=left, label=part, height=0.7)
            left = [a + b for a, b in zip(left, widths, strict=True)]
        axes.set_yticks(
            range(len(bars)), [f"{built.board.name}  {PARTS[word]}" for built, word in bars]
        )
        axes.set_xlim(0, 100)
        axes.set_xlabel("% of the device, by parts of the design")
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(picture, format="svg", metadata={"Date": None})


def _used(number: int) -> Callable[[Built], str]:
    def tell(built: Built) -> str:
        _, count, most = built.takes[number]
        return f"{count:,} of {most:,} ({count / most:.0%})"

    return tell


_TAKES: tuple[Column, ...] = (
    ("board", lambda b: f"`{b.board.name}`"),
    ("rows", lambda b: str(b.geometry.rows)),
    ("hosts", lambda b: str(b.geometry.hosts)),
    ("predicates", lambda b: str(b.geometry.predicates)),
    ("path bytes", lambda b: str(b.geometry.path_bytes)),
    ("longest frame", lambda b: f"{b.geometry.max_frame:,}"),
    *((name, _used(number)) for number, name in enumerate(PARTS.values())),
)


def _clocks(builds: Sequence[Built]) -> str:
    lines = []
    for built in builds:
        for domain in built.best.domains:
            achieved = sorted(_achieved(built.placed, domain.name))
            lines.append(
                {
                    "board": f"`{built.board.name}`",
                    "clock": f"`{domain.name}`",
                    "required": f"{domain.required_mhz:g}",
                    "achieved": _spread(achieved),
                    "margin": _margin(domain),
                }
            )
    return _lines(lines)


def _paths(builds: Sequence[Built]) -> str:
    return _lines(
        {
            "board": f"`{built.board.name}`",
            "clock": f"`{domain.name}`",
            "from": f"`{domain.path.source}`",
            "to": f"`{domain.path.sink}`",
            "ns": f"{domain.path.delay_ns:.1f}",
            "of them wires": f"{domain.path.routing_ns:.1f}",
            "cells of logic": str(domain.path.levels),
        }
        for built in builds
        for domain in built.best.domains
    )


def _spread(achieved: Sequence[float]) -> str:
    if len(achieved) == 1:
        return f"{achieved[0]:.1f}, 1 seed"
    return f"{achieved[0]:.1f} to {achieved[-1]:.1f}, {len(achieved)} seeds"


def _margin(domain: Domain) -> str:
    return f"{domain.margin:+.1%}" + ("" if domain.margin >= 0 else " **missed**")


def _achieved(placed: Iterable[Placed], name: str) -> list[float]:
    return [d.achieved_mhz for p in placed for d in p.domains if d.name == name]


def _lines(lines: Iterable[dict[str, str]]) -> str:
    lines = list(lines)
    return table(lines, [(name, lambda line, name=name: line[name]) for name in lines[0]])

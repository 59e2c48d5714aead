"""Cost per request as it grows, one picture for each of what it grows with."""

from collections.abc import Sequence
from pathlib import Path

from .peers import PEERS
from .samples import Samples
from .statistics import spread
from .workload import Workload

__all__ = ["PLOTS", "draw"]

Point = tuple[float, Workload]

PLOTS: dict[str, tuple[str, str, Sequence[Point]]] = {
    "routes": (
        "prefix routes, the last one hit",
        "a browser's GET, 32 connections",
        [(n, Workload(routes=n)) for n in (1, 10, 100, 1000, 5000)],
    ),
    "connections": (
        "connections",
        "a browser's GET, the last of 100 prefix routes",
        [(n, Workload(connections=n)) for n in (1, 32, 256)],
    ),
    "head": (
        "bytes of the request's head",
        "the last of 100 prefix routes, 32 connections",
        [
            (len(next(workload.requests()).head), workload)
            for workload in (Workload(head="minimal"), Workload(), Workload(head="cookies"))
        ],
    ),
}
"""By name: what is on the x axis, what is the same for all, and the workloads along it."""

_COLOURS = {
    "envoy": "tab:purple",
    "haproxy": "tab:blue",
    "nginx": "tab:green",
    "off": "tab:orange",
    "stamped": "tab:red",
}


def draw(samples: Samples, folder: Path) -> list[str]:
    """Draw what there are samples for as SVG and PNG into *folder*; the names of the pictures."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    drawn = []
    for name, (label, same, points) in PLOTS.items():
        lines = {
            peer: [
                (x, found)
                for x, workload in points
                if (found := spread(samples, workload.name, peer, lambda s: s.cpu)) is not None
            ]
            for peer in _COLOURS
        }
        lines = {peer: line for peer, line in lines.items() if len(line) > 1}
        if not lines:
            continue
        with rc_context({"svg.hashsalt": "hybridmesh", "font.size": 9}):
            figure = Figure(figsize=(8, 4.5), layout="constrained")
            axes = figure.subplots()
            for peer, line in lines.items():
                xs = [x for x, _ in line]
                axes.fill_between(
                    xs,
                    [found.least for _, found in line],
                    [found.most for _, found in line],
                    color=_COLOURS[peer],
                    alpha=0.2,
                    linewidth=0,
                )
                middle = [found.median for _, found in line]
                axes.plot(xs, middle, "o-", color=_COLOURS[peer], label=PEERS[peer].title)
            if name != "head":
                axes.set_xscale("log")
            axes.set_xticks([x for x, _ in points], [f"{x:,}" for x, _ in points], minor=False)
            axes.minorticks_off()
            axes.set_ylim(bottom=0)
            axes.set_xlabel(label)
            axes.set_ylabel("CPU of the gateway per request in µs")
            axes.set_title(
                f"What a request costs; lower is better\n{same}; "
                "line: median, band: least to most of the rounds",
                fontsize=10,
            )
            figure.legend(loc="outside lower center", ncols=len(lines), frameon=False)
            axes.spines[["top", "right"]].set_visible(False)
            folder.mkdir(parents=True, exist_ok=True)
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
            figure.savefig(folder / f"{name}.png", dpi=150, metadata={"Software": None})
        drawn.append(name)
    return drawn

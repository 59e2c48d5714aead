"""The report as one page of HTML that needs nothing else."""

from collections import Counter
from collections.abc import Iterable
from html import escape

from .code import Code
from .model import Group
from .report import Report, compact, share

__all__ = ["page"]

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2733; background: #fff;
  max-width: 62rem; margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; }
h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; }
p.lead, .dim { color: #5b6875; }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.4rem 0; }
.tile { border: 1px solid #dde3e9; border-radius: 8px; padding: .7rem 1rem; min-width: 9rem; }
.tile b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #edf0f3;
  vertical-align: top; font-variant-numeric: tabular-nums; }
th { font-weight: 600; color: #5b6875; }
td.share { white-space: nowrap; }
.bar { display: inline-block; width: 5.5rem; height: .5rem; background: #f3d9d2; border-radius: 4px;
  overflow: hidden; margin-right: .5rem; }
.bar i { display: block; height: 100%; background: #3a8f5c; }
code, .holes { font: 13px/1.5 ui-monospace, monospace; }
.holes { background: #fdf3f0; border-left: 3px solid #c8553d; padding: .5rem .8rem;
  white-space: pre-wrap; margin: .4rem 0 1rem; }
details { margin: .3rem 0; }
summary { cursor: pointer; }
.none { color: #2c7a4b; }
"""


def page(report: Report) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<title>HybridMesh: coverage of the NIC</title>"
        f"<style>{_STYLE}</style></head><body>"
        "<h1>Coverage of the NIC</h1>"
        f'<p class="lead">{report.clocks:,} clocks of simulation, seed {report.seed}. All that '
        "came out was what the golden model gives. A bin counts when the RTL has shown it.</p>"
        f"{_tiles(report)}<h2>Holes</h2>{_holes(report)}"
        f"<h2>Groups</h2>{_groups(report)}"
        f"<h2>Argued unreachable</h2>{_argued(report)}"
        f"{''.join(map(_code, report.code))}"
        "</body></html>\n"
    )


def _tiles(report: Report) -> str:
    tiles = [("bins of the model", share(report.covered, report.due))]
    for code in report.code:
        tiles.append((f"lines, width {code.width}", share(*code.lines)))
        tiles.append((f"toggles, width {code.width}", share(*code.toggles)))
    cells = (f'<div class="tile"><b>{value}</b>{escape(name)}</div>' for name, value in tiles)
    return f'<div class="tiles">{"".join(cells)}</div>'


def _bar(hit: int, of: int) -> str:
    """A cell of a table."""
    part = 100 * hit / of if of else 100
    bar = f'<span class="bar"><i style="width:{part:.1f}%"></i></span>'
    return f'<td class="share">{bar}{hit:,} of {of:,}</td>'


def _holes(report: Report) -> str:
    blocks = []
    for group in report.hits:
        for what, bins in (
            ("not hit", report.hits.holes(group)),
            ("argued unreachable, and hit", report.hits.refuted(group)),
        ):
            if bins:
                lines = escape("\n".join(compact(bins)))
                blocks.append(
                    f"<div><b>{_name(group)}</b>, {len(bins):,} {what}: {escape(group.title)}"
                    f'<div class="holes">{lines}</div></div>'
                )
    return "".join(blocks) or '<p class="none">None: every bin of the model has been hit.</p>'


def _name(group: Group) -> str:
    width, _, topic = group.name.partition("_")
    return escape(f"{topic}, width {width.removeprefix('width')}")


def _groups(report: Report) -> str:
    topics = report.topics()
    widths = list(dict.fromkeys(width for by_width in topics.values() for width in by_width))
    head = "".join(f"<th>width {width}</th>" for width in widths)
    rows = []
    for topic, by_width in topics.items():
        cells = "".join(
            _bar(len(report.hits.hit(by_width[w])), len(by_width[w].due))
            if w in by_width
            else "<td></td>"
            for w in widths
        )
        title = escape(next(iter(by_width.values())).title)
        rows.append(
            f'<tr><td><b>{escape(topic)}</b><br><span class="dim">{title}</span></td>{cells}</tr>'
        )
    return f"<table><tr><th>group</th>{head}</tr>{''.join(rows)}</table>"


def _argued(report: Report) -> str:
    rows = []
    for topic, by_width in report.topics().items():
        reasons = Counter(why for group in by_width.values() for why in group.argued.values())
        for why, count in reasons.items():
            bins = (b for group in by_width.values() for b, w in group.argued.items() if w == why)
            shown = escape("\n".join(compact(sorted(set(bins)))))
            rows.append(
                f"<tr><td>{escape(topic)}</td><td>{count:,}</td><td><details><summary>{escape(why)}"
                f"</summary><code style='white-space:pre-wrap'>{shown}</code></details></td></tr>"
            )
    return f"<table><tr><th>group</th><th>bins</th><th>why</th></tr>{''.join(rows)}</table>"


def _code(code: Code) -> str:
    rows = []
    for block in code.blocks:
        missed = _missed(block.missed_lines + block.missed_toggles)
        lines = _bar(block.lines - len(block.missed_lines), block.lines)
        toggles = _bar(block.toggles - len(block.missed_toggles), block.toggles)
        name = f"<code>{escape(block.name)}</code>{missed}"
        rows.append(f"<tr><td>{name}</td>{lines}{toggles}</tr>")
    return (
        f"<h2>Lines and toggles, width {code.width}</h2>"
        "<table><tr><th>component</th><th>lines and branches</th>"
        f"<th>rises and falls of register bits</th></tr>{''.join(rows)}</table>"
    )


def _missed(missed: Iterable[str]) -> str:
    lines = escape("\n".join(missed))
    if not lines:
        return ""
    return (
        f"<details><summary class='dim'>not covered</summary>"
        f"<code style='white-space:pre-wrap'>{lines}</code></details>"
    )

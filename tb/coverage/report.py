"""What a run says at its end: each group by width, the holes, and one line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from .code import Code
from .model import Bin, Group, Hits

__all__ = ["Report", "compact", "share"]

_SHOWN = 12
"""Most lines of holes that are shown of a group."""


@dataclass(frozen=True)
class Report:
    """The outcome of a run.

    Attributes
    ----------
    hits : Hits
    code : list of Code
        By width, where Verilator has counted.
    clocks : int
        That were simulated.
    seed : int
    """

    hits: Hits
    code: list[Code]
    clocks: int
    seed: int

    @property
    def covered(self) -> int:
        return sum(len(self.hits.hit(group)) for group in self.hits)

    @property
    def due(self) -> int:
        return sum(len(group.due) for group in self.hits)

    @property
    def argued(self) -> int:
        return sum(len(group.argued) for group in self.hits)

    @property
    def refuted(self) -> int:
        """Bins that were argued of, and hit all the same."""
        return sum(len(self.hits.refuted(group)) for group in self.hits)

    @property
    def complete(self) -> bool:
        return self.covered == self.due and not self.refuted

    def topics(self) -> dict[str, dict[str, Group]]:
        """The groups, by topic and by width."""
        topics: dict[str, dict[str, Group]] = {}
        for group in self.hits:
            width, _, topic = group.name.partition("_")
            topics.setdefault(topic, {})[width.removeprefix("width")] = group
        return topics

    def lines(self) -> Iterator[str]:
        """The report as lines of text, all but the result."""
        for topic, by_width in self.topics().items():
            shares = (
                f"width {width}: {len(self.hits.hit(group)):,} of {len(group.due):,}"
                for width, group in by_width.items()
            )
            title = next(iter(by_width.values())).title
            yield f"{topic:10} {', '.join(shares)} ({title})"
            for group in by_width.values():
                yield from _some(f"  hole in {group.name}: ", compact(self.hits.holes(group)))
                yield from _some(
                    f"  argued wrongly in {group.name}: ", compact(self.hits.refuted(group))
                )
        for code in self.code:
            yield (
                f"width {code.width}: lines {share(*code.lines)}, toggles {share(*code.toggles)} "
                f"({code.toggles[0]:,} of {code.toggles[1]:,} rises and falls of register bits)"
            )

    def line(self) -> str:
        """The result."""
        text = (
            f"coverage: {self.covered:,} of {self.due:,} bins ({self.argued:,} argued unreachable"
        )
        text += f", {self.refuted:,} of them wrongly)" if self.refuted else ")"
        if self.code:
            lines, toggles = (
                tuple(map(sum, zip(*(getattr(code, what) for code in self.code), strict=True)))
                for what in ("lines", "toggles")
            )
            text += f"; lines {share(*lines)}, toggles {share(*toggles)}"
        return f"{text} (seed {self.seed})"


def share(hit: int, of: int) -> str:
    """A percentage that is 100 only where all are hit."""
    tenths = 1000 if hit == of else min(999, round(1000 * hit / of))
    return f"{tenths / 10:.1f} %"


def compact(bins: Sequence[Bin]) -> list[str]:
    """*bins* in words, those that differ in their last value alone in one line."""
    lines: dict[Bin, list[str]] = {}
    for bin_ in bins:
        lines.setdefault(bin_[:-1], []).append(bin_[-1])
    return [" x ".join([*first, ", ".join(_spans(last))]) for first, last in lines.items()]


def _spans(values: Sequence[str]) -> Iterator[str]:
    """Numbers in a row as first-last, other words as they are."""
    if not all(value.isdigit() for value in values):
        yield from values
        return
    numbers = sorted(map(int, values))
    for _, row in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        (_, first), *rest = row
        yield f"{first}-{rest[-1][1]}" if rest else str(first)


def _some(prefix: str, lines: Sequence[str]) -> Iterator[str]:
    yield from (prefix + line for line in lines[:_SHOWN])
    if len(lines) > _SHOWN:
        yield f"{prefix}and {len(lines) - _SHOWN} more lines, see the page"

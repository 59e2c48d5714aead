"""What happens in which clock of a trace, in words."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..contract.grammar import Mark
from .beats import StreamBeat, Trace

__all__ = ["Event", "events"]

_RUNS = {Mark.PATH, Mark.QUERY, Mark.LINE}
"""Marks of every byte of something; its colour shows them."""


@dataclass(frozen=True)
class Event:
    """Something that happens; ``alarm``: it keeps the head from being decided."""

    text: str
    alarm: bool = False


def events(trace: Trace) -> dict[int, list[Event]]:
    """By clock, what happens in it."""
    found: dict[int, list[Event]] = defaultdict(list)

    def say(clock: int, text: str, alarm: bool = False) -> None:
        found[clock].append(Event(text, alarm))

    for beats, where in ((trace.wire, "from the wire"), (trace.host, "to the host")):
        for first, last in _frames(beats):
            say(first, f"first beat {where}")
            if last != first:
                say(last, f"last beat {where}")
    for beat in trace.lexed:
        bytes_ = [byte for byte in beat.lanes if byte is not None]
        marks = Counter(mark for byte in bytes_ for mark in byte.marks - _RUNS)
        for mark in sorted(marks):
            times = f", {marks[mark]} times" if marks[mark] > 1 else ""
            say(beat.clock, mark.name.lower().replace("_", " ") + times)
        for reason in sorted({reason for byte in bytes_ for reason in byte.rules}):
            say(beat.clock, f"rule: {reason.word}", alarm=True)
    for key in trace.path:
        if key.end:
            say(key.clock, "the path is looked up")
    for clock, met in trace.predicates:
        for predicate in sorted(met):
            say(clock, f"predicate {predicate} is met")
    for lookup in trace.lookups:
        say(lookup.clock, "no row is left" if lookup.row is None else "the lowest row is found")
    for judgement in trace.judgements:
        verdict = judgement.verdict
        say(judgement.clock, f"the verdict: {verdict.state.word}" if verdict else "no verdict")
    return dict(found)


def _frames(beats: Sequence[StreamBeat]) -> Iterator[tuple[int, int]]:
    """The clocks of the first and the last beat of each frame."""
    first = None
    for beat in beats:
        first = beat.clock if first is None else first
        if beat.last:
            yield first, beat.clock
            first = None

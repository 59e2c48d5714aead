"""The picture of a trace: time runs down, a column for each stage, a box for each byte.

All of it is drawn from the trace; only where a frame's headers end, and what the rows of the table
are called, comes from elsewhere.
"""

from collections.abc import Iterator, Sequence

from ..contract.grammar import Role
from ..contract.verdict import NO_ROW, Flag, Method, Reason, Verdict
from .beats import Lookup, Trace
from .cells import HEIGHT, Cells, draw_cells, key_cells, lexed_cells, stream_cells
from .events import events
from .kinds import Kind
from .svg import Canvas
from .timeline import BUSY, Timeline

__all__ = ["draw"]

_MARGIN, _GAP = 16.0, 28.0
_ADVANCE = 6.65
"""Width of a character of text."""
_LINE = 15.0
"""Height of a line of text."""
_NAMED = 48
"""Rows up to which each has its name."""
_TITLE = 80
"""Characters of the title."""
_WIDE = 16
"""Bytes per beat up to which their boxes are."""

_STYLE = """
text { font: 11px 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #222 }
.title { font-size: 17px; font-weight: bold }
.heading { font-size: 12px; font-weight: bold }
.note, .pause { fill: #666 }
.clock, .count { font-size: 10px; fill: #666 }
.clock, .label, .pause { text-anchor: end }
.byte { font-size: 12px; text-anchor: middle }
.narrow .byte { font-size: 10px }
.letter { font-size: 6px; text-anchor: middle; fill: #444 }
.hex { font-size: 7.5px; text-anchor: middle; fill: #777 }
.narrow .hex { font-size: 5.5px }
.alarm { fill: #b00020; font-weight: bold }
.latency { fill: #a84a00; text-anchor: middle }
.strong { font-weight: bold }
.paper { fill: #fff }
.busy { fill: #f6f6f6 }
rect.cell { fill: #fff }
rect.header { fill: #ececec }
rect.shim { fill: #cfc3ea }
rect.cell, rect.header, rect.shim { stroke: #aaa; stroke-width: .6 }
rect.ruled { fill: none; stroke: #b00020; stroke-width: 2 }
rect.on { fill: #2f6f9f }
rect.off { fill: #e3eaf0 }
rect.won { fill: none; stroke: #d55e00; stroke-width: 2 }
rect.card { fill: #fffaf2; stroke: #d55e00; stroke-width: 1.2 }
.arrow { fill: none; stroke: #d55e00; stroke-width: 1.4 }
.guide { fill: none; stroke: #d55e00; stroke-width: .7; stroke-dasharray: 2 4 }
""" + "".join(
    f"rect.{kind.name.lower()} {{ fill: {kind.colour}; stroke: #999; stroke-width: .6 }}\n"
    for kind in Kind
)


def draw(trace: Trace, rows: Sequence[str]) -> str:
    """*trace* as SVG; *rows* are the names of the rows of the table that was loaded."""
    return _Picture(trace, rows).svg()


class _Picture:
    def __init__(self, trace: Trace, rows: Sequence[str]) -> None:
        self._trace = trace
        self._rows = rows
        self._canvas = Canvas(_STYLE)
        self._events = events(trace)
        stages = (trace.wire, trace.lexed, trace.path, trace.lookups, trace.judgements, trace.host)
        busy = {beat.clock for stage in stages for beat in stage} | self._events.keys()
        named = len(rows) <= _NAMED
        names = max((len(name) for name in rows), default=0) if named else 0
        self._time = Timeline(150 + names * _ADVANCE * 0.7, trace.clocks, busy)

        self._cell = 17.0 if trace.width <= _WIDE else 10.0
        self._step = min(13.0, max(1.5, 400 / max(len(rows), 1)))  # from row to row
        lanes = max(trace.width * self._cell, 112)
        self._wire_x = _MARGIN + 30
        self._lexed_x = self._wire_x + lanes + _GAP
        self._key_x = self._lexed_x + lanes + _GAP
        self._rows_x = self._key_x + max(lanes, 130) + 10
        self._arrows_x = self._rows_x + max(self._step * len(rows), 110) + 110
        self._host_x = self._arrows_x + 70
        self._words_x = self._host_x + lanes + 14
        words = max(len(self._words(clock)) for clock in range(trace.clocks))
        self._width = self._words_x + max(words * _ADVANCE, 200) + _MARGIN

    def svg(self) -> str:
        trace = self._trace
        self._heading()
        self._clocks()
        for name, x, beats in (
            ("wire", self._wire_x, trace.wire),
            ("host", self._host_x, trace.host),
        ):
            for clock, cells in stream_cells(beats):
                self._beat(name, clock, x, cells)
        for lexed in trace.lexed:
            self._beat("lexed", lexed.clock, self._lexed_x, lexed_cells(lexed))
        for key in trace.path:
            self._beat("path", key.clock, self._key_x, key_cells(key))
            self._strip(self._time.y(key.clock) + 1, key.rows)
        for lookup in trace.lookups:
            self._lookup(lookup)
        bottom = self._time.bottom
        judgement = trace.judgements[-1]
        if judgement.verdict is not None:
            self._latency(judgement.clock, *self._last_frame())
            bottom = max(bottom, self._card(judgement.clock, judgement.verdict))
        return self._canvas.text_of(self._width, bottom + _MARGIN, self._title())

    def _beat(self, stage: str, clock: int, x: float, cells: Cells) -> None:
        narrow = "" if self._trace.width <= _WIDE else " narrow"
        with self._canvas.group(stage + narrow, clock):
            draw_cells(self._canvas, x, self._time.y(clock) + 1, self._cell, cells)

    def _heading(self) -> None:
        canvas, trace = self._canvas, self._trace
        canvas.text("title", _MARGIN, 30, self._title())
        canvas.text(
            "note",
            _MARGIN,
            48,
            f"{trace.width} byte{'s' if trace.width > 1 else ''} per clock, {trace.clocks} clocks; "
            "drawn from the waves of the simulated NIC. Time runs down; clocks in which nothing "
            "is shown are flat.",
        )
        self._legend()
        y = self._time.top - 10
        for x, text in (
            (self._wire_x, "from the wire"),
            (self._lexed_x, "behind the lexer"),
            (self._key_x, "path looked up"),
            (self._host_x, "to the host"),
            (self._words_x, "what happens"),
        ):
            canvas.text("heading", x, y, text)
        canvas.text("clock", self._wire_x - 6, y, "clock")
        if len(self._rows) <= _NAMED:
            for row, name in enumerate(self._rows):
                canvas.text("note", self._row_x(row) + self._step * 0.7, y + 4, name, turned=-45)
        else:
            canvas.text("note", self._rows_x, y, f"rows 0 to {len(self._rows) - 1}")

    def _legend(self) -> None:
        canvas, width, x, y = self._canvas, self._trace.width, _MARGIN, 62.0
        entries = [(kind.name.lower(), kind.letter, kind.meaning) for kind in Kind]
        entries += [("header", "", "frame's headers, in hex"), ("shim", "", "shim: the verdict")]
        entries += [("on", "", "row still possible"), ("off", "", "row ruled out")]
        for kind, letter, meaning in entries:
            space = 34 + len(meaning) * _ADVANCE
            if x + space > self._width:
                x, y = _MARGIN, y + 20
            canvas.box(kind, x, y, 14, 14)
            canvas.glyphs("letter", [x + 7], y + 10, letter)
            canvas.text("note", x + 19, y + 11, meaning)
            x += space
        glyphs = "· space   ← CR   ↓ LF   □ any other byte   ~ provisional row   ■ end of the path"
        lanes = f", whose byte n is looked up in lane n mod {width}" if width > 1 else ""
        canvas.text("note", _MARGIN, y + 34, glyphs + lanes)

    def _clocks(self) -> None:
        for clock in sorted(self._time.busy):
            y = self._time.y(clock)
            self._canvas.box("busy", _MARGIN, y + 1, self._width - 2 * _MARGIN, HEIGHT)
            self._canvas.text("clock", self._wire_x - 6, y + 14, str(clock))
            x = self._words_x
            for event in self._events.get(clock, ()):
                self._canvas.text("alarm" if event.alarm else "event", x, y + 14, event.text)
                x += (len(event.text) + 3) * _ADVANCE

        for clock in self._time.pauses():
            self._canvas.text("pause", self._wire_x - 12, self._time.y(clock) + 9, "⋮")

    def _words(self, clock: int) -> str:
        return " · ".join(event.text for event in self._events.get(clock, ()))

    def _row_x(self, row: int) -> float:
        return self._rows_x + row * self._step

    def _strip(self, y: float, left: frozenset[int]) -> None:
        """The rows, and how many of them are *left*."""
        gap = 1.5 if self._step > 4 else 0.0
        for row in range(len(self._rows)):
            kind = "on" if row in left else "off"
            self._canvas.box(kind, self._row_x(row), y + 3, self._step - gap, HEIGHT - 6)
        count = len(left.intersection(range(len(self._rows))))
        text = f"{count} of {len(self._rows)} left"
        self._canvas.text("count", self._row_x(len(self._rows)) + 6, y + 13, text)

    def _lookup(self, lookup: Lookup) -> None:
        """What each condition leaves, what all leave, and the row that wins."""
        y = self._time.y(lookup.clock)
        with self._canvas.group("lookup", lookup.clock):
            for text, left in (
                ("by path", lookup.by_path),
                ("method, lines", lookup.by_call),
                ("by host", lookup.by_host),
                ("by all", lookup.left),
            ):
                self._canvas.text("label", self._rows_x - 10, y + 14, text)
                self._strip(y + 1, left)
                y += HEIGHT
            if lookup.row is not None:
                x = self._row_x(lookup.row)
                self._canvas.box("won", x - 2, y - HEIGHT + 2, self._step + 2.5, HEIGHT - 2)

    def _last_frame(self) -> tuple[int, int]:
        """The clocks of the first and of the last beat of the last frame from the wire."""
        *before, last = (beat.clock for beat in self._trace.wire if beat.last)
        end = max(before, default=-1)
        return next(beat.clock for beat in self._trace.wire if beat.clock > end), last

    def _latency(self, clock: int, first: int, last: int) -> None:
        """How long the verdict of *clock* took, from the *first* and the *last* beat on."""
        to = self._time.middle(clock)
        for x, since, what in (
            (self._arrows_x, last, "last"),
            (self._arrows_x + 34, first, "first"),
        ):
            start = self._time.middle(since)
            with self._canvas.group("latency", since):
                self._canvas.line("guide", [(self._lexed_x - _GAP, start), (x, start)])
                self._canvas.line("arrow", [(x, start), (x, to)])
                self._canvas.line("arrow", [(x - 4, to - 8), (x, to), (x + 4, to - 8)])
                text = f"{clock - since} clocks from the {what} beat"
                self._canvas.text("latency", x + 14, (start + to) / 2, text, turned=-90)

    def _card(self, clock: int, verdict: Verdict) -> float:
        """The verdict's fields, below the rows; returns where they end."""
        lines = list(self._told(verdict))
        top = self._time.y(clock) + BUSY + (4 * HEIGHT if self._trace.lookups else 0)
        width = self._arrows_x - 20 - self._key_x
        height = _LINE * len(lines) + 14
        with self._canvas.group("verdict", clock):
            self._canvas.box("card", self._key_x, top, width, height)
            for number, (name, text) in enumerate(lines):
                y = top + 18 + number * _LINE
                self._canvas.text("note", self._key_x + 10, y, name)
                kind = "field" if number else "strong"
                self._canvas.text(kind, self._key_x + 90, y, text)
        return top + height

    def _told(self, verdict: Verdict) -> Iterator[tuple[str, str]]:
        yield "verdict", verdict.state.word
        if not verdict.usable:
            yield "reason", Reason(verdict.reason).word
        elif verdict.row == NO_ROW:
            yield "row", "none matches"
        else:
            yield "row", f"{verdict.row}: {self._rows[verdict.row]}"
        yield "epoch", str(verdict.epoch)
        if verdict.usable:
            yield "method", Method(verdict.method).name
            yield "head", f"{verdict.head_length} bytes"
            yield "path", f"{verdict.path_length} bytes from byte {verdict.path_offset}"
            yield "host", f"{verdict.host_length} bytes from byte {verdict.host_offset}"
            yield "body", _body(verdict)
            yield "touch", "a proxy must look at it" if verdict.flags & Flag.TOUCH else "no"
        yield "latency", f"{verdict.latency} clocks from the first beat"

    def _title(self) -> str:
        line = bytes(
            byte.value
            for beat in self._trace.lexed
            for byte in beat.lanes
            if byte is not None and byte.role in (Role.METHOD, Role.PATH, Role.QUERY)
        )
        text = "".join(chr(value) for value in line if 0x20 <= value < 0x7F).strip()
        return text if len(text) <= _TITLE else text[: _TITLE - 1] + "…"


def _body(verdict: Verdict) -> str:
    if verdict.flags & Flag.BODY_CHUNKED:
        return "in chunks"
    return f"{verdict.body_length} bytes" if verdict.flags & Flag.BODY_LENGTH else "none"

"""Boxes for the bytes of a beat, column by column."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..contract.verdict import SHIM
from ..nic.frames import find_segment, split
from .beats import KeyBeat, LexedBeat, LexedByte, StreamBeat
from .kinds import kind_of
from .svg import Canvas

__all__ = ["HEIGHT", "Cell", "Cells", "draw_cells", "key_cells", "lexed_cells", "stream_cells"]

HEIGHT = 20.0

_GLYPHS = {0x20: "·", 0x0D: "←", 0x0A: "↓", None: "■"}
_OTHER = "□"

_SHIM = range(12, 12 + SHIM.size)


@dataclass(frozen=True)
class Cell:
    """A byte: its box's CSS class, a character or two, and a letter in the corner."""

    kind: str
    text: str
    letter: str = ""
    ruled: bool = False
    """A rule holds here."""


Cells = Sequence[Cell | None]
"""By lane."""


def stream_cells(beats: Sequence[StreamBeat]) -> Iterator[tuple[int, Cells]]:
    """The clock and the cells of each of *beats*: headers in hex, the shim told apart."""
    frame: list[StreamBeat] = []
    for beat in beats:
        frame.append(beat)
        if beat.last:
            yield from _frame_cells(frame)
            frame = []


def _frame_cells(beats: Sequence[StreamBeat]) -> Iterator[tuple[int, Cells]]:
    frame = b"".join(beat.data for beat in beats)
    verdict, bare = split(frame)
    segment = find_segment(bare)
    payload = range(segment.start, segment.end) if segment else range(0)
    inserted = _SHIM if verdict else range(0)
    at = 0

    def cell(value: int) -> Cell:
        place = at - len(inserted) if at >= _SHIM.start else at
        if at in inserted:
            return Cell("shim", f"{value:02x}")
        return Cell("cell", _glyph(value)) if place in payload else Cell("header", f"{value:02x}")

    for beat in beats:
        cells = []
        for value in beat.data:
            cells.append(cell(value))
            at += 1
        yield beat.clock, cells


def lexed_cells(beat: LexedBeat) -> Cells:
    """The cells of a beat behind the lexer, by kind."""
    return [None if byte is None else _lexed_cell(byte) for byte in beat.lanes]


def _lexed_cell(byte: LexedByte) -> Cell:
    kind = kind_of(byte)
    return Cell(kind.name.lower(), _glyph(byte.value), kind.letter, bool(byte.rules))


def key_cells(beat: KeyBeat) -> Cells:
    """The cells of a beat of a path as it is looked up."""
    return [None if value is None else Cell("path", _glyph(value or None)) for value in beat.lanes]


def _glyph(value: int | None) -> str:
    """One character for a byte; None: a terminator."""
    if value in _GLYPHS:
        return _GLYPHS[value]
    return chr(value) if value is not None and 0x20 < value < 0x7F else _OTHER


def draw_cells(canvas: Canvas, x: float, y: float, width: float, cells: Cells) -> None:
    """Draw *cells* from *x* and *y* on, each *width* wide."""
    taken = [(x + lane * width, cell) for lane, cell in enumerate(cells) if cell]
    for left, cell in taken:
        canvas.box(cell.kind, left, y, width, HEIGHT)
    for left, cell in taken:
        if cell.ruled:
            canvas.box("ruled", left, y, width, HEIGHT)
    single = [(left, cell) for left, cell in taken if len(cell.text) == 1]
    lettered = any(cell.letter for _, cell in taken)
    canvas.glyphs(
        "byte",
        [left + width / 2 for left, _ in single],
        y + (11 if lettered else 14.5),
        "".join(cell.text for _, cell in single),
    )
    canvas.glyphs(
        "letter",
        [left + width / 2 for left, _ in single],
        y + 18.5,
        "".join(cell.letter for _, cell in single),
    )
    pairs = [(left + width * (1 + 2 * n) / 4, c) for left, cell in taken for n, c in _hex(cell)]
    canvas.glyphs("hex", [left for left, _ in pairs], y + 13, "".join(c for _, c in pairs))


def _hex(cell: Cell) -> Iterator[tuple[int, str]]:
    return enumerate(cell.text if len(cell.text) == 2 else "")

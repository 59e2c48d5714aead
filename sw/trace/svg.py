"""Just so much of SVG as a trace is drawn with."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from xml.etree import ElementTree

__all__ = ["Canvas"]


class Canvas:
    """Collects shapes in the order in which they are painted; ``kind`` is their CSS class."""

    def __init__(self, style: str) -> None:
        self._root = ElementTree.Element("svg", xmlns="http://www.w3.org/2000/svg")
        self._into = self._root
        ElementTree.SubElement(self._root, "style").text = style
        self._add("rect", "paper", width="100%", height="100%")

    def text_of(self, width: float, height: float, title: str) -> str:
        """The picture, *width* by *height*, called *title* where it is read aloud."""
        box = f"0 0 {_number(width)} {_number(height)}"
        self._root.set("viewBox", box)
        self._root.set("width", _number(width))
        self._root.set("height", _number(height))
        self._root.set("role", "img")
        self._root.set("aria-label", title)
        ElementTree.indent(self._root, " ")
        return ElementTree.tostring(self._root, encoding="unicode") + "\n"

    @contextmanager
    def group(self, kind: str, clock: int | None = None) -> Iterator[None]:
        """What is drawn in the block belongs together, and to *clock*."""
        outer, attributes = self._into, {"class": kind}
        if clock is not None:
            attributes["data-clock"] = str(clock)
        self._into = ElementTree.SubElement(outer, "g", attributes)
        yield
        self._into = outer

    def box(self, kind: str, x: float, y: float, width: float, height: float) -> None:
        self._add("rect", kind, x=x, y=y, width=width, height=height)

    def line(self, kind: str, points: Sequence[tuple[float, float]]) -> None:
        path = "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in points)
        self._add("path", kind, d=path)

    def text(self, kind: str, x: float, y: float, text: str, turned: int = 0) -> None:
        """*text* that begins or, as the class says, ends or is centred at *x*, *y*."""
        turn = {"transform": f"rotate({turned} {_number(x)} {_number(y)})"} if turned else {}
        self._add("text", kind, text, x=x, y=y, **turn)

    def glyphs(self, kind: str, xs: Sequence[float], y: float, text: str) -> None:
        """*text*, each character of which has its own x."""
        if text:
            self._add("text", kind, text, x=" ".join(map(_number, xs)), y=y)

    def _add(self, tag: str, kind: str, text: str | None = None, **values: float | str) -> None:
        attributes = {n: v if isinstance(v, str) else _number(v) for n, v in values.items()}
        ElementTree.SubElement(self._into, tag, {"class": kind, **attributes}).text = text


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")

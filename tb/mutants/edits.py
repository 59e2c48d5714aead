"""What a mutant is made of: one change of a source, found in its syntax tree.

Places are offsets in the source's UTF-8 bytes, as the tree counts them.
"""

import ast
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

__all__ = ["Edit", "Source"]


@dataclass(frozen=True)
class Edit:
    """The bytes from *start* to *end* become *text*."""

    operator: str
    start: int
    end: int
    text: str


class Source:
    """A source, its syntax tree, and where each node of it stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._bytes = text.encode()
        self._lines = [0, *accumulate(len(line) for line in self._bytes.splitlines(keepends=True))]

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def start(self, node: ast.AST) -> int:
        return self._lines[node.lineno - 1] + node.col_offset

    def end(self, node: ast.AST) -> int:
        return self._lines[node.end_lineno - 1] + node.end_col_offset

    def of(self, node: ast.AST) -> str:
        return self.between(self.start(node), self.end(node))

    def between(self, start: int, end: int) -> str:
        return self._bytes[start:end].decode()

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of *offset*, both from 1."""
        line = bisect_right(self._lines, offset) - 1
        return line + 1, offset - self._lines[line] + 1

    def lines(self, edit: Edit) -> tuple[str, str]:
        """The lines that *edit* touches, before and after it."""
        first, last = self.place(edit.start)[0] - 1, self.place(edit.end)[0]
        start, end = self._lines[first], self._lines[min(last, len(self._lines) - 1)]
        before, after = self.between(start, edit.start), self.between(edit.end, end)
        return self.between(start, end), before + edit.text + after

    def edited(self, edit: Edit) -> str:
        return (self._bytes[: edit.start] + edit.text.encode() + self._bytes[edit.end :]).decode()

"""Draft: a request head in its pieces, so that each can be spoiled by itself."""

from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Draft", "Line"]

CRLF = b"\r\n"


@dataclass
class Line:
    """One field line."""

    name: bytes
    value: bytes
    colon: bytes = b":"
    before: bytes = b" "
    """White space before the value."""
    after: bytes = b""
    end: bytes = CRLF

    @property
    def kind(self) -> str:
        """The name, where its value is read by every recipient."""
        name = self.name.lower().decode("latin-1")
        return name if name in _READ else "field"

    def pieces(self) -> Iterator[tuple[str, bytes]]:
        kind = self.kind
        yield f"{kind} name", self.name
        yield f"{kind} colon", self.colon
        yield f"{kind} space", self.before
        yield f"{kind} value", self.value
        yield f"{kind} space behind", self.after
        yield f"{kind} line end", self.end


_READ = ("host", "content-length", "transfer-encoding", "connection")


@dataclass
class Draft:
    """A request line, field lines, the empty line, and what comes behind the head."""

    method: bytes = b"GET"
    target: bytes = b"/"
    version: bytes = b"HTTP/1.1"
    lines: list[Line] = field(default_factory=list)
    first_space: bytes = b" "
    second_space: bytes = b" "
    end: bytes = CRLF
    empty: bytes = CRLF
    tail: bytes = b""

    def pieces(self) -> list[tuple[str, bytes]]:
        """Every byte, by the class of its position."""
        path, mark, query = self.target.partition(b"?")
        pieces = [
            ("method", self.method),
            ("first space", self.first_space),
            ("path", path),
            ("query", mark + query),
            ("second space", self.second_space),
            ("version", self.version),
            ("request line end", self.end),
        ]
        for line in self.lines:
            pieces += line.pieces()
        return [*pieces, ("empty line", self.empty), ("tail", self.tail)]

    def payload(self) -> bytes:
        return b"".join(piece for _, piece in self.pieces())

    def named(self, name: str) -> list[Line]:
        """The lines called *name* (lower case)."""
        return [line for line in self.lines if line.name.lower() == name.encode()]

    def without(self, *names: str) -> None:
        """Take out the lines that are called any of *names* (lower case)."""
        gone = {name.encode() for name in names}
        self.lines = [line for line in self.lines if line.name.lower() not in gone]

"""Body framing (RFC 9112, 6 and 7): where a message's body ends, without copying it.

A framing is fed the connection's bytes and puts into a list the pieces that go on to the other
side.  Chunked bodies are checked and passed on in the chunks that they came in; chunk extensions
and trailer fields are dropped, as Envoy drops them unless it is told otherwise (RFC 9112, 7.1.1
and 7.1.2 let a recipient do so).
"""

from typing import Protocol

from .ports import Buffer

__all__ = [
    "MAX_LINE",
    "MAX_TRAILER",
    "Chunked",
    "Framing",
    "FramingError",
    "Sized",
    "UntilClose",
]

MAX_LINE = 4096
"""Longest chunk-size line, extensions included."""

MAX_TRAILER = 61440
"""Most bytes of trailer fields; the limit of heads."""

_HEX = frozenset(b"0123456789abcdefABCDEF")


class FramingError(Exception):
    """The body's framing is broken; the connection cannot be used any further."""


class Framing(Protocol):
    """Finds the end of one body.

    Attributes
    ----------
    done : bool
        Whether the body is complete.
    """

    done: bool

    def feed(self, data: bytes, start: int, out: list[Buffer]) -> int:
        """Take *data* from *start*; returns where the rest begins that is not of this body."""
        ...


class Sized:
    """A body of ``Content-Length`` bytes."""

    __slots__ = ("done", "left")

    def __init__(self, length: int) -> None:
        self.left = length
        self.done = length == 0

    def feed(self, data: bytes, start: int, out: list[Buffer]) -> int:
        have = len(data) - start
        left = self.left
        if have >= left:
            self.done = True
            self.left = 0
            end = start + left
        else:
            self.left = left - have
            end = len(data)
        if end > start:
            out.append(_cut(data, start, end))
        return end


class UntilClose:
    """A body that ends with the connection: a response with neither length nor chunks."""

    __slots__ = ("done",)

    def __init__(self) -> None:
        self.done = False

    def feed(self, data: bytes, start: int, out: list[Buffer]) -> int:
        if len(data) > start:
            out.append(_cut(data, start, len(data)))
        return len(data)


class Chunked:
    """A chunked body (RFC 9112, 7.1)::

        chunked-body = *chunk last-chunk trailer-section CRLF
        chunk        = chunk-size [ chunk-ext ] CRLF chunk-data CRLF

    Every line must end in CRLF and a size must be hexadecimal digits and nothing else: what one
    recipient forgives, the next reads in another way.

    Parameters
    ----------
    decode : bool
        Pass on the chunks' data alone, for a peer that knows no chunks (HTTP/1.0).
    """

    __slots__ = ("_decode", "_left", "_line", "_state", "_trailer", "done")

    _SIZE = 0
    _DATA = 1
    _TRAILER = 2

    def __init__(self, *, decode: bool = False) -> None:
        self.done = False
        self._decode = decode
        self._state = self._SIZE
        self._left = 0  # bytes of the chunk not seen yet, its closing CRLF included
        self._line = b""  # a line whose end has not come
        self._trailer = 0

    def feed(self, data: bytes, start: int, out: list[Buffer]) -> int:
        if self._line:
            data = self._line + data[start:]
            shift = start - len(self._line)
            start = 0
            self._line = b""
        else:
            shift = 0
        run = pos = start  # data[run:pos] is checked and waits to go on in one piece
        size = len(data)
        while pos < size and not self.done:
            if self._state == self._DATA:
                run, pos = self._chunk_data(data, run, pos, out)
                continue
            end = data.find(b"\n", pos)
            if end < 0:
                if size - pos > (MAX_LINE if self._state == self._SIZE else MAX_TRAILER):
                    raise FramingError("a line of the chunked body is too long")
                self._flush(data, run, pos, out)
                self._line = data[pos:]
                return size + shift
            if end == pos or data[end - 1] != 0x0D:
                raise FramingError("a line of the chunked body does not end in CRLF")
            if self._state == self._SIZE:
                line = data[pos : end - 1]
                digits = _chunk_size(line)
                self._left = int(digits, 16)
                if len(digits) < len(line):  # nobody is to read an extension in another way
                    self._flush(data, run, pos + len(digits), out)
                    run = end - 1
                pos = end + 1
                if self._left:
                    self._left += 2
                    self._state = self._DATA
                else:
                    self._state = self._TRAILER
                    self._flush(data, run, pos, out)
                    run = pos
                if self._decode:
                    run = pos
            else:
                self._trailer += end + 1 - pos
                if self._trailer > MAX_TRAILER:
                    raise FramingError("the trailer section is too long")
                self.done = end == pos + 1
                run = pos = end + 1
                if self.done and not self._decode:
                    out.append(b"\r\n")
        self._flush(data, run, pos, out)
        return pos + shift

    def _chunk_data(self, data: bytes, run: int, pos: int, out: list[Buffer]) -> tuple[int, int]:
        """Go on to the end of the chunk or of *data*; returns the new run and position."""
        end = min(pos + self._left, len(data))
        data_end = min(pos + max(self._left - 2, 0), end)
        if data[data_end:end] != b"\r\n"[2 - min(self._left, 2) :][: end - data_end]:
            raise FramingError("a chunk is longer than its size says")
        self._left -= end - pos
        if self._decode:
            self._flush(data, run, data_end, out, decoded=True)
            run = end
        if not self._left:
            self._state = self._SIZE
        return run, end

    def _flush(
        self, data: bytes, run: int, end: int, out: list[Buffer], *, decoded: bool = False
    ) -> None:
        if end > run and (decoded or not self._decode):
            out.append(_cut(data, run, end))


def _chunk_size(line: bytes) -> bytes:
    """The digits that *line* begins with."""
    digits, semicolon, extension = line.partition(b";")
    if semicolon:
        digits = digits.rstrip(b" \t")  # BWS before ";" (RFC 9112, 7.1.1)
        if b"\r" in extension or b"\0" in extension:
            raise FramingError("a control byte in a chunk extension")
    if not 0 < len(digits) <= 15 or not _HEX.issuperset(digits):
        raise FramingError("a chunk size is not hexadecimal")
    return digits


def _cut(data: bytes, start: int, end: int) -> Buffer:
    """A piece of *data*; a view where copying would cost."""
    if end - start == len(data):
        return data
    return data[start:end] if end - start < 4096 else memoryview(data)[start:end]

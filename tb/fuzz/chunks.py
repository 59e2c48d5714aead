"""Bodies in chunks to the proxy's framing: cut anywhere they are the same, and llhttp reads the
same data in what goes on.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

import httptools

from hybridmesh.proxy.core.framing import Chunked, FramingError

from .target import Seen, Target

__all__ = ["CHUNKS", "cuts"]


def _check(data: bytes, seen: Seen) -> Iterator[str]:
    whole, decoded = _fed([data], decode=False), _fed([data], decode=True)
    seen((whole.error, whole.end is None, min(len(whole.out), 9), min(len(decoded.out), 9)))
    if (whole.end, whole.error) != (decoded.end, decoded.error):
        yield f"decoded, it ends otherwise: {whole}, {decoded}"
    for parts in cuts(data):
        for decode, expected in ((False, whole), (True, decoded)):
            if (found := _fed(parts, decode=decode)) != expected:
                yield f"cut into {parts}: {found}; whole: {expected}"
    found = None if whole.end is None else (decoded.out, whole.end)
    if found != (expected := _by_rules(data)):
        yield f"{found} is found; by the rules: {expected}"
    yield from _against_llhttp(data, whole, decoded)


@dataclass(frozen=True)
class _Fed:
    """What becomes of a body; ``end`` is None where it does not end."""

    out: bytes
    end: int | None
    error: bool


def _fed(parts: Sequence[bytes], *, decode: bool) -> _Fed:
    framing, out, at = Chunked(decode=decode), [], 0
    try:
        for part in parts:
            end = framing.feed(b"x" + part, 1, out) - 1
            if framing.done:
                return _Fed(b"".join(out), at + end, error=False)
            if end != len(part):
                raise AssertionError(f"{len(part) - end} bytes are not taken, and it does not end")
            at += len(part)
    except FramingError:
        return _Fed(b"", None, error=True)
    return _Fed(b"".join(out), None, error=False)


# RFC 9112, 7.1, in which a line that ends in LF alone is refused, and so is a CR or NUL within an
# extension; what is in the lines of a trailer does not matter, they go no further.
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[^\r\n\0]*)?\r\n")
_TRAILER = re.compile(rb"(?:(?!\r\n)[^\n]*\r\n)*\r\n")


def _by_rules(data: bytes) -> tuple[bytes, int] | None:
    """The data of the body that *data* begins with, and where it ends; None if it does not."""
    decoded, at = b"", 0
    while line := _SIZE.match(data, at):
        at, size = line.end(), int(line[1], 16)
        if not size:
            trailer = _TRAILER.match(data, at)
            return (decoded, trailer.end()) if trailer else None
        if data[at + size : at + size + 2] != b"\r\n":
            return None
        decoded += data[at : at + size]
        at += size + 2
    return None


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """Some ways to cut *data*: in the smallest pieces, in two, and in four; always the same for
    it."""
    rng = random.Random(crc32(data))
    size = len(data)
    step = 1 + size // _MOST_PIECES
    yield [data[n : n + step] for n in range(0, size, step)]
    for count in (1, 3):
        places = sorted(rng.randint(0, size) for _ in range(count))
        yield [data[a:b] for a, b in zip((0, *places), (*places, size), strict=True)]


_MOST_PIECES = 250


class _Reading:
    """What llhttp finds behind the head of a body in chunks; the names are httptools'."""

    def __init__(self, data: bytes) -> None:
        self.data, self.end, self.error = b"", None, False
        parser = httptools.HttpRequestParser(self)
        parser.feed_data(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        self._done = False
        try:
            for at in range(len(data)):
                parser.feed_data(data[at : at + 1])
                if self._done:
                    self.end = at + 1
                    break
        except httptools.HttpParserError:
            self.error = True

    def on_body(self, data: bytes) -> None:
        self.data += data

    def on_message_complete(self) -> None:
        self._done = True


def _against_llhttp(data: bytes, whole: _Fed, decoded: _Fed) -> Iterator[str]:
    """What llhttp reads in a body that is taken, and in what of it goes on."""
    if whole.error:
        return
    reading = _Reading(data)
    if not reading.error and (reading.data, reading.end) != (decoded.out, whole.end):
        yield f"{decoded} is read; llhttp: {reading.data!r} up to byte {reading.end}"
    passed = _Reading(whole.out)
    if whole.end is None:
        return
    if not passed.error and (passed.data, passed.end) != (decoded.out, len(whole.out)):
        yield f"{whole.out!r} goes on; llhttp reads {passed.data!r} up to byte {passed.end}"
    if passed.error and not reading.error:
        yield f"{whole.out!r} goes on, and llhttp refuses it"
    again = _fed([whole.out], decode=True)
    if (again.out, again.end) != (decoded.out, len(whole.out)):
        yield f"{whole.out!r} goes on, and is read in another way: {again}"


CHUNKS = Target(
    claim="a body in chunks, cut anywhere, goes on as the same data, to llhttp as well",
    check=_check,
    words=(
        *(b"\r\n", b"0\r\n\r\n", b"1\r\n", b"\r\n0\r\n", b"T: 1\r\n", b"a\r\n", b";a=b"),
        *(b"5\r\nhello\r\n", b"000000000000001\r\n", b' ;a="b"', b"\0", b"\r", b"\n"),
    ),
    longest=200,
)

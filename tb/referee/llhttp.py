"""What llhttp (the parser of Node.js, through httptools) reads in a request head, with none of its
leniencies."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httptools

__all__ = ["Reading", "RefusedError", "ends_after", "is_message_end", "read"]


class RefusedError(Exception):
    """llhttp takes this for no head, or for one that does not end; the message says why."""


@dataclass(frozen=True)
class Reading:
    """A head that llhttp accepts.

    Attributes
    ----------
    head_length : int
        Bytes after which it says that the head is complete.
    target : bytes
        As the request line has it.
    hosts : tuple of bytes
        Values of all Host fields.
    upgrade : bool
        Whether it takes what comes behind the head for another protocol.
    """

    head_length: int
    method: bytes
    target: bytes
    version: str
    hosts: tuple[bytes, ...]
    keep_alive: bool
    upgrade: bool


def read(data: bytes) -> Reading:
    """The head that *data* begins with; raises :exc:`RefusedError` where llhttp finds none.

    llhttp gets every line feed by itself, as a head ends with one.
    """
    parser = _Parser()
    for part in _UP_TO_LINE_FEED.findall(data):
        parser.feed(part[:-1])
        if parser.reading is not None:
            raise RefusedError(f"the head ends before byte {parser.fed}, which is no line feed")
        parser.feed(part[-1:])
        if parser.reading is not None:
            return parser.reading
    raise RefusedError("the head does not end")


def ends_after(head: bytes, length: int | None) -> bool:
    """Whether the message of *head* ends with a body of just *length* bytes; in chunks if None.

    httptools has llhttp take a request to upgrade for one without a body, whatever its framing, so
    that Upgrade fields go under another name here.
    """
    parser = _Parser()
    try:
        parser.feed(_UPGRADE.sub(rb"\1_", head))
        for piece in _body(length):
            parser.feed(piece)
    except RefusedError:
        return False
    return parser.message_done and parser.chunked == (length is None)


def _body(length: int | None) -> Iterator[bytes | memoryview]:
    """A body of *length* bytes, or in chunks, that nothing else can be taken for."""
    if length is None:
        yield _LAST_CHUNK
    else:
        for at in range(0, length, len(_ZEROS)):
            yield _ZEROS[: length - at]


def is_message_end(stream: bytes) -> bool:
    """Whether a message ends with the last byte of *stream*, which begins with one."""
    parser = _Parser()
    try:
        parser.feed(_UPGRADE.sub(rb"\1_", stream[:-1]))
        parser.message_done = False
        parser.feed(stream[-1:])
    except RefusedError:
        return False
    return parser.message_done


_UP_TO_LINE_FEED = re.compile(rb"[^\n]*\n|[^\n]+")
_UPGRADE = re.compile(rb"(\nupgrad)e(?=:)", re.IGNORECASE)
_LAST_CHUNK = b"0\r\n\r\n"
_ZEROS = memoryview(bytes(1 << 24))


class _Parser:
    """llhttp, and what it has said so far; the names that begin with ``on_`` are httptools'.

    Attributes
    ----------
    fed : int
        Bytes that it has taken whole.
    reading : Reading or None
        The last head that was complete.
    message_done, chunked : bool
        Whether a message was complete, and a chunk began.
    """

    def __init__(self) -> None:
        self.fed = 0
        self.reading: Reading | None = None
        self.message_done = self.chunked = False
        self._feeding = 0
        self._target = b""
        self._hosts: list[bytes] = []
        self._parser = httptools.HttpRequestParser(self)

    def feed(self, data: bytes | memoryview) -> None:
        self._feeding = len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError as error:
            raise RefusedError(str(error)) from None
        self.fed += len(data)

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"host":
            self._hosts.append(value)

    def on_headers_complete(self) -> None:
        # Now or never: llhttp forgets it with the end of the message.
        self.reading = Reading(
            head_length=self.fed + self._feeding,
            method=self._parser.get_method(),
            target=self._target,
            version=self._parser.get_http_version(),
            hosts=tuple(self._hosts),
            keep_alive=self._parser.should_keep_alive(),
            upgrade=self._parser.should_upgrade(),
        )

    def on_chunk_header(self) -> None:
        self.chunked = True

    def on_message_complete(self) -> None:
        self.message_done = True

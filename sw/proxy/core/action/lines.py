"""Heads as bytes: a first line and field lines, each ended by CRLF, without the final empty line.

The heads that come here are the gateway's own, or as clean as if they were: one space after the
colon, none before it, no line folded.
"""

import re
from functools import cache

__all__ = ["add", "drop", "first", "value", "wire"]


def wire(text: str) -> str:
    """Text of the configuration as it is sent, in UTF-8, a character for each byte; text that comes
    from heads stands so already."""
    return text.encode().decode("latin-1")


def drop(head: bytes, name: str) -> bytes:
    """*head* without its fields called *name*."""
    return _line(name).sub(b"", head)


def add(head: bytes, name: str, text: str) -> bytes:
    """*head* with one more field."""
    return b"%b%b: %b\r\n" % (head, name.encode("latin-1"), text.encode("latin-1"))


def first(head: bytes, name: str) -> str:
    """Value of the first field *name*; empty where there is none."""
    found = _line(name).search(head)
    return "" if found is None else found[1].decode("latin-1")


def value(head: bytes, name: str) -> str:
    """Value of the field *name*, repeated lines joined with ``,``; empty where there is none."""
    return ",".join(found.decode("latin-1") for found in _line(name).findall(head))


@cache
def _line(name: str) -> re.Pattern[bytes]:
    escaped = re.escape(name.encode("latin-1"))
    return re.compile(rb"(?i)(?<=\n)%b: ?([^\r]*)\r\n" % escaped)

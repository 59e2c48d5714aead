"""The heads that the NIC decides, as regular expressions after RFC 9112, 9110 and 3986.

A second opinion on the golden lexer: it shares nothing with the grammar of
:mod:`hybridmesh.contract.grammar`, neither its machines nor its rules.
"""

import re
from dataclasses import dataclass

__all__ = ["Words", "decided", "framed"]

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PCHAR = rb"[A-Za-z0-9._~!$&'()*+,;=:@-]"
_METHOD = rb"(GET|HEAD|POST|PUT|DELETE|OPTIONS|TRACE|PATCH)"
_PATH = rb"((?:/(?!/|\.\.?[/;? ])" + _PCHAR + rb"*)+)"
_QUERY = rb"(?:\?((?:" + _PCHAR + rb"|[/?%])*))?"
_VERSION = rb"HTTP/1\.([01])\r\n"
_LINES = rb"((?:%b: %b(?:[\t ]*%b)*\r\n)*)\r\n"

_DECIDED = re.compile(
    _METHOD + b" " + _PATH + _QUERY + b" " + _VERSION + _LINES % (_TOKEN, b"[!-~]", b"[!-~]")
)

_VISIBLE = rb"[!-~\x80-\xff]"
_FRAMED = re.compile(
    rb"(?!CONNECT )" + _TOKEN + rb" /[^ \r\n]* " + _VERSION + _LINES % (_TOKEN, _VISIBLE, _VISIBLE)
)
"""Whose end and body framing are the same to whoever takes them for a request."""

_HOST = re.compile(rb"([A-Za-z0-9._-]*[A-Za-z0-9_-])(?::([1-5][0-9]{4}|[1-9][0-9]{0,3}))?")
_LENGTH = re.compile(rb"[0-9]{1,9}")
_MOST_LINES = 100

_INTERPRETED = re.compile(
    rb"(keep-alive|te|trailer|upgrade|expect|x-request-id|http2-settings|via"
    rb"|(proxy|x-forwarded|x-envoy)-.*)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Words:
    """What a head says.

    Attributes
    ----------
    size : int
        Bytes of the head.
    path, host, query : bytes
        Empty where it is only framed.
    lines : list of bytes
    length : int
        Of the body; of one in chunks 0.
    """

    size: int
    method: bytes
    path: bytes
    query: bytes | None
    host: bytes
    lines: list[bytes]
    length: bytes | None
    chunked: bool
    touch: bool
    minor: bytes


def decided(data: bytes) -> Words | None:
    """What the head says that *data* begins with; None where the NIC must not decide it."""
    head = _DECIDED.match(data)
    if head is None:
        return None
    method, path, query, minor, block = head.groups()
    lines = block.split(b"\r\n")[:-1]
    framing = _framing(lines, minor)
    hosts = _values(lines, b"host")
    if framing is None or len(hosts) != 1 or not (host := _HOST.fullmatch(hosts[0])):
        return None
    length, chunked = framing
    others = [value.lower() for value in _values(lines, b"connection")]
    touch = any(_INTERPRETED.fullmatch(line.partition(b":")[0]) for line in lines)
    touch |= any(value != b"keep-alive" for value in others)
    return Words(head.end(), method, path, query, host[1], lines, length, chunked, touch, minor)


def framed(data: bytes) -> tuple[int, bytes | None, bool] | None:
    """Bytes of the head that *data* begins with, its Content-Length, and whether its body is in
    chunks; None where the NIC must not follow it."""
    head = _FRAMED.match(data)
    if head is None:
        return None
    minor, block = head.groups()
    lines = block.split(b"\r\n")[:-1]
    framing = _framing(lines, minor)
    if framing is None or len(_values(lines, b"host")) > 1:
        return None
    return head.end(), *framing


def _framing(lines: list[bytes], minor: bytes) -> tuple[bytes | None, bool] | None:
    """Content-Length, and whether the body is in chunks; None where that is not clear."""
    lengths, codings = _values(lines, b"content-length"), _values(lines, b"transfer-encoding")
    if len(lines) > _MOST_LINES or len(lengths) + len(codings) > 1:
        return None
    if codings:
        return (None, True) if codings[0].lower() == b"chunked" and minor == b"1" else None
    if lengths:
        return (lengths[0], False) if _LENGTH.fullmatch(lengths[0]) else None
    return None, False


def _values(lines: list[bytes], name: bytes) -> list[bytes]:
    split = (line.split(b": ", 1) for line in lines)
    return [value for of, value in split if of.lower() == name]

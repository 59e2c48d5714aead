"""Heads to the golden lexer and classifier: what they say must be what others say.

The others are the grammar run in the plainest way, its language as regular expressions, llhttp, and
the proxy's own parser.
"""

from collections.abc import Iterator
from functools import cache

from hybridmesh.config.model import Topology
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import LINE, ROLE, TOUCHING, Mark, Role
from hybridmesh.contract.verdict import Method, Reason, Verdict
from hybridmesh.proxy.core.edge import Edge
from hybridmesh.proxy.core.headers import rebuild
from hybridmesh.reference import classifier, lexer
from hybridmesh.reference.flows import message_length
from hybridmesh.reference.head import Head, HeadError, find_end, parse
from hybridmesh.reference.lexer import Lexed, Span
from hybridmesh.reference.path import normalise
from tb.lib.plain import Found, find, states
from tb.referee.judge import complaints, framing_complaints
from tb.referee.llhttp import RefusedError, read
from tb.referee.table import table

from .language import decided, framed
from .target import Seen, Target

__all__ = ["HEADS"]


_IMAGE = cache(lambda: table(Geometry()))
_CLIENT = Edge(Topology(), "http", "192.0.2.1").stranger


def _check(data: bytes, seen: Seen) -> Iterator[str]:
    lexed = lexer.lex(data)
    found = find(data)
    verdict = classifier.classify(data, _IMAGE(), epoch=1, lexed=lexed)
    yield from _against_plain(lexed, found)
    yield from _against_language(data, lexed)
    yield from complaints(verdict, data)
    yield from _parsed(data, seen)
    _show(data, found, verdict, seen)


def _against_plain(lexed: Lexed, found: Found) -> Iterator[str]:
    """The rules and marks, byte by byte."""
    marks = found.marks
    ends, hosts = marks[Mark.HEAD_END], marks[Mark.HOST_START]
    framings = len(marks[Mark.LENGTH_START]) + len(marks[Mark.CODING_START])
    coded = bool(marks[Mark.CODING_START])
    counted = {
        Reason.METHOD: bool(ends) and not found.methods,
        Reason.HOST_MISSING: bool(ends) and not hosts,
        Reason.HOST_REPEATED: len(hosts) > 1,
        Reason.FRAMING: framings > 1
        or (bool(ends) and coded and not marks[Mark.CHUNKED])
        or (coded and bool(marks[Mark.HTTP_1_0])),
        Reason.FIELD_COUNT: len(marks[Mark.LINE_START]) > 100,
        Reason.INCOMPLETE: not ends,
    }
    closing = set(marks[Mark.CONNECTION_END]) - set(marks[Mark.KEEP_ALIVE])
    pairs = {
        "reasons": (
            lexed.reasons,
            found.reasons | {reason for reason, holds in counted.items() if holds},
        ),
        "head length": (lexed.head_length, ends[0] + 1 if ends else 0),
        "method": (lexed.method, (*found.methods, Method.OTHER)[0]),
        "path": (lexed.path, _first(found, Mark.PATH_START, Mark.PATH_END)),
        "host": (lexed.host, _first(found, Mark.HOST_START, Mark.HOST_END)),
        "length": (lexed.length, _first(found, Mark.LENGTH_START, Mark.LENGTH_END)),
        "lines": (lexed.lines, _spans(found, Mark.LINE_START, Mark.LINE_END)),
        "parameters": (lexed.params, _spans(found, Mark.PARAM_START, Mark.PARAM_END)),
        "touch": (lexed.touch, bool(marks[Mark.TOUCHING] or closing)),
        "HTTP/1.0": (lexed.http_1_0, bool(marks[Mark.HTTP_1_0])),
    }
    for what, (said, expected) in pairs.items():
        if said != expected:
            yield f"{what}: {said}, says the lexer; the plain reading: {expected}"


def _spans(found: Found, start: Mark, end: Mark) -> tuple[Span, ...]:
    pairs = zip(found.marks[start], found.marks[end], strict=False)
    return tuple(Span(*pair) for pair in pairs)


def _first(found: Found, start: Mark, end: Mark) -> Span | None:
    return next(iter(_spans(found, start, end)), None)


def _against_language(data: bytes, lexed: Lexed) -> Iterator[str]:
    """What is decided and what is followed, and what is read there."""
    words = decided(data)
    if (words is None) == (not lexed.reasons):
        yield f"{set(lexed.reasons) or 'decided'}, says the lexer; by the language: {words}"
    elif words is not None:
        params = [] if words.query is None else words.query.split(b"&")
        pairs = {
            "head length": (lexed.head_length, words.size),
            "method": (lexed.method.name.encode(), words.method),
            "path": (_cut(data, lexed.path), words.path),
            "host": (_cut(data, lexed.host), words.host),
            "parameters": ([_cut(data, span) for span in lexed.params], params),
            "lines": ([_cut(data, span) for span in lexed.lines], words.lines),
            "length": (_cut(data, lexed.length), words.length),
            "chunked": (lexed.chunked, words.chunked),
            "touch": (lexed.touch, words.touch),
            "HTTP/1.0": (lexed.http_1_0, words.minor == b"0"),
        }
        for what, (said, expected) in pairs.items():
            if said != expected:
                yield f"{what}: {said!r}, says the lexer; by the language: {expected!r}"
    size = None
    if (followed := framed(data)) is not None:
        head, length, chunked = followed
        size = None if chunked else head + int(length or 0)
    if (said := message_length(data, lexed)) != size:
        yield f"a message of {said} bytes, says the model; by the language: {size}"
    yield from framing_complaints(data, lexed.head_length, said)


def _cut(data: bytes, span: Span | None) -> bytes | None:
    return None if span is None else data[span.start : span.end]


def _parsed(data: bytes, seen: Seen) -> Iterator[str]:
    """The proxy's parser: it refuses, or gives what can be passed on."""
    end = find_end(data)
    if end < 0:
        return
    try:
        head = parse(data[:end])
    except HeadError as error:
        seen(("parser", error.status, error.detail))
        return
    seen(("parser", head.minor, head.chunked, head.content_length is None, head.keep_alive))
    if {".", ".."} & set(head.path.split("/")) or not head.path.startswith("/"):
        yield f"the parser leaves the path as {head.path!r}"
    if normalise(head.path) != head.path:
        yield f"normalised twice, {head.path!r} is another path"
    yield from _at_pod(head)


def _at_pod(head: Head) -> Iterator[str]:
    """What goes on is read in the same way."""
    raw = rebuild(head, _CLIENT, b"") + b"\r\n"
    try:
        again, reading = parse(raw), read(raw)
    except (HeadError, RefusedError) as error:
        yield f"{raw!r} would go on, and be refused: {error}"
        return
    if (again.origin_form, again.host) != (head.origin_form, head.host):
        yield f"{again.host}{again.origin_form} would be read in what goes on"
    if (again.content_length, again.chunked) != (head.content_length, head.chunked):
        yield f"another body would be read in what goes on: {raw!r}"
    if reading.target != head.origin_form.encode() or reading.head_length != len(raw):
        yield f"llhttp would read {reading} in what goes on"


def _show(data: bytes, found: Found, verdict: Verdict | None, seen: Seen) -> None:
    """What of the grammar is reached: it is data, so that no line of code tells."""
    roles, lines = states(ROLE, data), states(LINE, data)
    for role, line, byte in zip(roles, lines, data, strict=True):
        if role == Role.DONE:
            break
        seen((role, line, _CLASSES[byte]))
    for mark, at in found.marks.items():
        seen(("mark", mark, min(len(at), 3)))
    for reason in found.reasons:
        seen(("reason", reason))
    seen(("verdict", verdict and (verdict.flags, verdict.reason, verdict.method)))


_CONTROLS, _OBS_TEXT = bytes(range(32)) + b"\x7f", bytes(range(128, 256))
_SETS = (
    *(b"\r", b"\n", b" ", b"\t", b":", b"/", b".", b"?&", b"%\\", b"0123456789"),
    *(b'#"<>[]{}|^`', _CONTROLS, _OBS_TEXT, bytes(range(256))),
)
_CLASSES = [next(n for n, members in enumerate(_SETS) if byte in members) for byte in range(256)]
"""By byte: the number of the first set that has it."""

HEADS = Target(
    claim="a head is read as by its grammar, by its language, by llhttp and by the proxy",
    check=_check,
    words=(
        *(method.name.encode() + b" /" for method in Method),
        *(b"\r\n" + name.encode() for name in TOUCHING),
        *(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b"\r\n\r\n", b"\r\nHost: ", b"\r\nContent-Length: "),
        *(b"\r\nTransfer-Encoding: ", b"chunked", b"\r\nConnection: ", b"keep-alive", b"close"),
        *(b"http://", b"%2e", b"/../", b"/.;", b"\r\n "),
    ),
    longest=600,
)

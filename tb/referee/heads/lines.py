"""Heads whose lines end, go on or begin in odd ways (RFC 9112, 2.2 and 5.2)."""

import random

from .draft import CRLF, Draft, Line
from .valid import full, host, plain, valid

__all__ = ["ENDINGS", "FOLDS", "empty_lines", "folded", "line_endings", "odd_names"]

ENDINGS = (
    *(b"\n", b"\r", b"", b"\n\r", b"\r\r\n", b"\r\n\n", b"\r\n\r", b"\n\n", b"\r\r", b"\r\n\r\n"),
    *(b" \r\n", b"\t\r\n", b" \n", b"\r \n", b"\r\t\n", b"\r\0\n", b"\0\r\n", b"\0\n", b"\0"),
    *(b"\x0b", b"\x0c", b"\x0b\r\n", b"\x0c\r\n", b"\x1c", b"\x85", b"\xc2\x85", b"\xe2\x80\xa8"),
    *(b"\\r\\n", b"%0d%0a", b"\x0d\x8a", b"\x8d\x0a", b"\xe5\x98\x8d\xe5\x98\x8a"),
)
"""What a line may end in instead of CR LF."""


def line_endings(rng: random.Random, turn: int) -> bytes:
    """Each ending in turn: of the request line, of a field line, of the last, of all of them."""
    where, ending = divmod(turn, len(ENDINGS))
    end = ENDINGS[ending]
    draft = rng.choice((plain, full))(rng)
    match where % 5:
        case 0:
            draft.end = end
        case 1:
            rng.choice(draft.lines).end = end
        case 2:
            draft.lines[-1].end = end
        case 3:
            draft.empty = end
        case 4:
            draft.end = draft.empty = end
            for line in draft.lines:
                line.end = end
    return draft.payload()


FOLDS = (b" ", b"\t", b" x", b"\tx", b"  ", b" \t", b" a: b", b" chunked", b" 5", b" :", b" \0")
"""How a folded line goes on."""


def folded(rng: random.Random, turn: int) -> bytes:
    """A field line that goes on in the next one, or would if there were any before it."""
    fold = FOLDS[turn % len(FOLDS)]
    end = rng.choice((CRLF, CRLF, CRLF, b"\n", b"\r"))
    draft = rng.choice((plain, full))(rng)
    line = rng.choice(draft.lines)
    match rng.randrange(5):
        case 0:
            draft.end = CRLF + fold + end  # before the first field
        case 1:
            draft.empty = fold + CRLF  # a last line of white space
        case 2:
            line.before = end + fold  # a value that begins in the next line
        case 3:
            at = rng.randrange(len(line.value) + 1)
            line.value = line.value[:at] + end + fold + line.value[at:]
        case _:
            line.end = CRLF + fold + end
    return draft.payload()


def empty_lines(rng: random.Random, turn: int) -> bytes:
    """What may stand before a request line, and what may not."""
    before = (CRLF, CRLF * 2, b"\n", b"\r", b" ", b"\t", b"\0", b"\xef\xbb\xbf", b"0\r\n\r\n", b"a")
    return before[turn % len(before)] + valid(rng).payload()


_NAMES = (
    *(b"", b" ", b"a ", b"a\t", b" a", b"\ta", b"a b", b"a\0", b"\0", b"a\x80", b"\xff", b'"a"'),
    *(b"a/b", b"a(b)", b"a,b", b"a;b", b"a=b", b"a?b", b"a@b", b"[a]", b"a\\b", b"{a}", b"<a>"),
    *(b"Host ", b"Host\t", b" Host", b"Host\0", b"Ho st", b"Content-Length ", b"Content-Length\t"),
    *(b"Transfer-Encoding ", b"Transfer-Encoding\t", b"Transfer-Encoding\x0b", b"Content_Length"),
    *(b"Transfer_Encoding", b"Content-Length\0", b"\0Content-Length", b"x-Content-Length"),
    *(b"Content-Lengths", b"ontent-Length", b"Transfer-Encodings", b"x-Transfer-Encoding"),
    *(b"Content\xadLength", b"Transfer\xc2\xadEncoding", b"xHost", b"Hosts", b":Host", b":a"),
    *(b"Connection ", b"Keep-Alive ", b"Upgrade\t", b"GET / HTTP/1.1", b"HTTP/1.1 200 OK", b"#"),
)


def odd_names(rng: random.Random, turn: int) -> bytes:
    """Names that are none, or nearly those of a field that frames the body."""
    name = _NAMES[turn % len(_NAMES)]
    draft: Draft = plain(rng)
    value = rng.choice((b"1", b"chunked", b"b", b"", host(rng)))
    line = Line(name, value, colon=rng.choice((b":", b":", b":", b"", b" :", b"::", b"=")))
    draft.lines.insert(rng.randint(0, len(draft.lines)), line)
    if rng.random() < 0.2:
        line.before = rng.choice((b"", b"  ", b"\t"))
    return draft.payload()

"""Regular expressions as Envoy reads them: RE2, full match, one character per byte.

Text from the YAML is compared as its UTF-8 bytes, text from the wire as the bytes that came.  For
the compiler and the software matcher this file also tells what is sure about every string that an
expression can match: the literal that it begins with.
"""

import functools
import os.path
import re
from typing import Any, NamedTuple

import re2

from ..config.model import MatchKind
from .errors import CompileError

__all__ = ["Language", "Regex", "compile_regex", "language"]

Regex = Any
"""A compiled expression; ``fullmatch(bytes)`` is all that is asked of it."""

_LIMIT = 256
"""Bytes of a literal beginning that are worth knowing: the longest key of any geometry."""

_OPEN_ENDED = re.compile(rb"\^?((?:[A-Za-z0-9/_~%!&',:;=@ -]|\\[!-/:-@\[-`{-~])*)\.\*\$?")
"""A literal, then anything.  ``.`` refuses a line feed, which no decided head holds."""


class Language(NamedTuple):
    """What strings an expression matches, as far as a TCAM can tell.

    ``kind`` EXACT: just ``literal``.  PREFIX: all strings that begin with it (line feeds aside).
    REGEX: some of these.
    """

    kind: MatchKind
    literal: bytes


@functools.lru_cache(maxsize=4096)
def compile_regex(pattern: str) -> Regex:
    """Compile *pattern*; raises :exc:`CompileError` where RE2 does not take it."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    try:
        return re2.compile(pattern.encode(), options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise CompileError(
            f"The regex {pattern!r} is not RE2 syntax: {reason}",
            remedy="see https://github.com/google/re2/wiki/Syntax",
        ) from None


@functools.lru_cache(maxsize=4096)
def language(pattern: str) -> Language:
    """What is sure about the strings that match *pattern* in full."""
    open_ended = _OPEN_ENDED.fullmatch(pattern.encode())
    if open_ended:
        return Language(MatchKind.PREFIX, re.sub(rb"\\(.)", rb"\1", open_ended[1]))
    regex = compile_regex(pattern)
    try:
        low, high = regex.possiblematchrange(_LIMIT)
    except re2.error:  # RE2 has no bounds for it
        return Language(MatchKind.REGEX, b"")
    if low == high and regex.fullmatch(low):
        return Language(MatchKind.EXACT, low)
    # All matches lie between the bounds, so they begin with what the bounds have in common.
    literal = os.path.commonprefix([low, high])  # noqa: RUF071 (bytes, not paths)
    # Where the upper bound is the first string beyond those that begin with one byte more, and
    # does not match itself, that byte is common to all too.
    longer = low[: len(literal) + 1]
    if len(longer) > len(literal) and high == literal + bytes([longer[-1] + 1]):
        literal = literal if regex.fullmatch(high) else longer
    return Language(MatchKind.REGEX, literal)

"""Another path or another host towards the pod (``rewrite``)."""

import re
from typing import Any

import re2

from hybridmesh.config.model import Forward, MatchKind, RegexRewrite, StringMatch

from . import lines

__all__ = ["PathRewrite", "replace_host", "replace_target", "target_of"]


class PathRewrite:
    """A route's rewriting of paths.

    Parameters
    ----------
    prefix : str
        Takes the place of what *match* matches of the path; "": nothing does.
    regex : RegexRewrite or None
    match : StringMatch or None
        The route's condition on the path; None: any, which is the prefix ``/``.
    """

    __slots__ = ("_length", "_pattern", "_prefix", "_substitution")

    def __init__(self, prefix: str, regex: RegexRewrite | None, match: StringMatch | None) -> None:
        self._prefix = lines.wire(prefix)
        # characters that match; None: all of the path
        self._length: int | None = 1 if match is None else None
        if match is not None and match.kind is MatchKind.PREFIX:
            self._length = len(match.value)
        self._pattern = None if regex is None else re2.compile(regex.pattern)
        self._substitution = [] if regex is None else _parts(lines.wire(regex.substitution))

    @classmethod
    def of(cls, action: Forward, match: StringMatch | None) -> "PathRewrite | None":
        """That of *action*; None: it has none."""
        if not action.prefix_rewrite and action.regex_rewrite is None:
            return None
        return cls(action.prefix_rewrite, action.regex_rewrite, match)

    def apply(self, target: str) -> str:
        """*target*, path and query, with another path."""
        path, mark, query = target.partition("?")
        if self._pattern is not None:
            path = self._pattern.sub(self._replaced, path)
        elif self._length is not None:
            path = self._prefix + path[self._length :]
        else:
            path = self._prefix
        return path + mark + query

    def _replaced(self, match: Any) -> str:
        return "".join(
            part if isinstance(part, str) else match[part] or "" for part in self._substitution
        )


def _parts(substitution: str) -> list[str | int]:
    """Text, and numbers of groups (RE2's ``\\0`` to ``\\9``)."""
    return [
        int(part[1]) if part[0] == "\\" and part[1:].isdigit() else part.replace("\\\\", "\\")
        for part in re.split(r"(\\[0-9\\])", substitution)
        if part
    ]


def target_of(head: bytes) -> str:
    """Path and query of the request *head*."""
    return head[head.index(b" ") + 1 : head.index(b" HTTP/1.1\r\n")].decode("latin-1")


def replace_target(head: bytes, target: str) -> bytes:
    """*head* with *target*; what it was goes into ``x-envoy-original-path``."""
    start, end = head.index(b" ") + 1, head.index(b" HTTP/1.1\r\n")
    before = head[start:end].decode("latin-1")
    head = head[:start] + target.encode("latin-1") + head[end:]
    return lines.add(head, "x-envoy-original-path", before)


def replace_host(head: bytes, host: str) -> bytes:
    """*head* with another Host, which stays the first field."""
    end = head.index(b"\r\n") + 2
    rest = lines.drop(head, "host")[end:]
    return b"%bhost: %b\r\n%b" % (head[:end], host.encode("latin-1"), rest)

"""Conditions of a route: what of a request is compared, and how."""

import enum
from dataclasses import dataclass

__all__ = ["FieldMatch", "MatchKind", "RouteMatch", "StringMatch"]


class MatchKind(enum.Enum):
    """How a string is compared."""

    EXACT = "exact"
    PREFIX = "prefix"
    REGEX = "regex"
    """Full match, RE2 syntax."""
    PRESENT = "present"
    """Any value, the empty one too; for header fields and query parameters."""


@dataclass(frozen=True)
class StringMatch:
    """One comparison; ``ignore_case`` is for paths alone (``ignoreUriCase``)."""

    kind: MatchKind
    value: str = ""
    ignore_case: bool = False


@dataclass(frozen=True)
class FieldMatch:
    """A condition on a header field (lower-case ``name``) or a query parameter.

    One line of a repeated field that agrees is enough.  With ``invert`` (``withoutHeaders``) it
    holds where none agrees, and a missing field counts as the empty string, as Istio asks of
    Envoy; inverted PRESENT means absent.
    """

    name: str
    match: StringMatch
    invert: bool = False


@dataclass(frozen=True)
class RouteMatch:
    """The conditions of one ``match`` block; all must hold.  None: no condition."""

    path: StringMatch | None = None
    method: StringMatch | None = None
    scheme: StringMatch | None = None
    authority: StringMatch | None = None
    headers: tuple[FieldMatch, ...] = ()
    query: tuple[FieldMatch, ...] = ()

    @property
    def is_catch_all(self) -> bool:
        """Whether every request matches, so that no later route is ever reached."""
        p = self.path
        any_path = (
            p is None
            or (p.kind is MatchKind.PREFIX and p.value == "/")
            or (p.kind is MatchKind.REGEX and p.value == ".*")
        )
        return any_path and not (
            self.method or self.scheme or self.authority or self.headers or self.query
        )

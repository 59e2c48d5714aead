"""Istio's ``CorsPolicy``: which pages of other origins may read the answers."""

from dataclasses import dataclass
from typing import Annotated

from ..document import Node
from ..message import Choice, FieldError, Message, Read, expect
from ..model import CorsPolicy, MatchKind, StringMatch
from ..values import TOKEN, field_text, seconds
from .matches import TextMatch

__all__ = ["Cors"]

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE")


def name_or_star(node: Node) -> str:
    text = expect(node, str)
    if text != "*" and not TOKEN.fullmatch(text):
        raise FieldError(f"{text!r} is not a header name", "write a name, or '*'")
    return text


@dataclass(frozen=True)
class Cors(Message, name="CorsPolicy"):
    """``allowOrigin`` counts where ``allowOrigins`` is not given."""

    allow_origins: tuple[TextMatch, ...] = ()
    allow_origin: tuple[Annotated[str, Read(field_text)], ...] = ()
    allow_methods: tuple[
        Annotated[str, Read(Choice({method: method for method in _METHODS}))], ...
    ] = ()
    allow_headers: tuple[Annotated[str, Read(name_or_star)], ...] = ()
    expose_headers: tuple[Annotated[str, Read(name_or_star)], ...] = ()
    max_age: Annotated[int, Read(seconds)] | None = None
    allow_credentials: bool = False
    unmatched_preflights: Annotated[
        bool, Read(Choice({"UNSPECIFIED": True, "FORWARD": True, "IGNORE": False}))
    ] = True

    def check(self) -> None:
        for origin in self.allow_origins:
            if origin.match.kind is MatchKind.PRESENT or not origin.match.value:
                raise FieldError(
                    "an origin must not be empty", "write exact: '*' for any origin", origin.node
                )

    @property
    def model(self) -> CorsPolicy:
        origins = tuple(origin.match for origin in self.allow_origins)
        return CorsPolicy(
            origins=origins or tuple(StringMatch(MatchKind.EXACT, o) for o in self.allow_origin),
            methods=",".join(self.allow_methods),
            headers=",".join(self.allow_headers),
            expose=",".join(self.expose_headers),
            max_age=self.max_age,
            credentials=self.allow_credentials,
            forward_unmatched=self.unmatched_preflights,
        )

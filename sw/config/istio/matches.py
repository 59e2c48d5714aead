"""Istio's ``HTTPMatchRequest`` and ``StringMatch``: which requests an ``http`` entry is for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from ..document import Node
from ..message import Differs, FieldError, Message, Read, expect
from ..model import MatchKind, StringMatch
from ..values import TOKEN, port_number, regex_text

__all__ = ["HttpMatch", "TextMatch", "gateway_name"]

_GATEWAY = re.compile(r"(?:(?:[-a-zA-Z0-9]+|\.)/)?[-.a-zA-Z0-9]+", re.ASCII)


def regex_or_star(node: Node) -> str:
    """A regular expression, or ``*``: Istio's own word for "any value" of a field."""
    return "*" if node.value == "*" else regex_text(node)


def gateway_name(node: Node) -> str:
    text = expect(node, str)
    if not _GATEWAY.fullmatch(text):
        raise FieldError(
            f"{text!r} is not the name of a Gateway", "write 'name' or 'namespace/name'"
        )
    return text


@dataclass(frozen=True)
class TextMatch(Message, name="StringMatch", one_of=("exact prefix regex",)):
    """Without any field it asks whether the value is there at all."""

    exact: str | None = None
    prefix: Annotated[str, Differs("must not be empty, not even for `uri`")] | None = None
    regex: Annotated[str, Read(regex_or_star)] | None = None

    def check(self) -> None:
        if self.prefix == "":
            raise FieldError("a prefix must not be empty", "write {} for any value")

    @property
    def match(self) -> StringMatch:
        texts = {
            MatchKind.EXACT: self.exact,
            MatchKind.PREFIX: self.prefix,
            MatchKind.REGEX: self.regex,
        }
        for kind, text in texts.items():
            if text is not None and self.regex != "*":
                return StringMatch(kind, text)
        return StringMatch(MatchKind.PRESENT)


@dataclass(frozen=True)
class HttpMatch(
    Message,
    name="HTTPMatchRequest",
    no_effect={"statPrefix": "it names a counter of Envoy's"},
):
    """Conditions that must all hold."""

    name: str = ""
    uri: TextMatch | None = None
    scheme: Annotated[TextMatch, Differs("refused where it always holds")] | None = None
    method: Annotated[TextMatch, Differs("refused where it always holds")] | None = None
    authority: Annotated[TextMatch, Differs("refused where it always holds")] | None = None
    headers: Annotated[Mapping[str, TextMatch], Differs("claims of a JWT are refused")] | None = (
        None
    )
    without_headers: (
        Annotated[Mapping[str, TextMatch], Differs("claims of a JWT are refused")] | None
    ) = None
    query_params: Mapping[str, TextMatch] | None = None
    ignore_uri_case: bool = False
    port: Annotated[int, Read(port_number)] | None = None
    gateways: tuple[Annotated[str, Read(gateway_name)], ...] = ()
    source_labels: (
        Annotated[
            Mapping[str, str],
            Differs("compared with the labels of the Gateway's selector, not with a pod's"),
        ]
        | None
    ) = None
    source_namespace: str = ""

    def check(self) -> None:
        for name in [*(self.headers or ()), *(self.without_headers or ())]:
            if name.startswith("@request.auth.claims"):
                raise FieldError("matching on JWT claims is not supported yet", f"remove {name!r}")
            if not TOKEN.fullmatch(name):
                raise FieldError(f"{name!r} is not a header name", _PSEUDO.get(name, ""))
        if self.query_params and "" in self.query_params:
            raise FieldError("a query parameter without a name")
        if self.uri is not None and self.uri.regex == "*":
            raise FieldError("'*' is not a regular expression", "write .* for any path")
        for part in (self.scheme, self.method, self.authority):
            # Every request has these, so there is no point in asking whether they are there.
            if part is not None and part.match.kind is MatchKind.PRESENT:
                raise FieldError(
                    "a condition that always holds",
                    "remove it, or say what the value must be",
                    part.node,
                )


_PSEUDO = {
    ":method": "use the field 'method'",
    ":authority": "use the field 'authority'",
    ":scheme": "use the field 'scheme'",
    ":path": "use the field 'uri'",
}

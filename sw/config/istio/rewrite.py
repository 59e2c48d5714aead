"""Istio's ``HTTPRewrite``: another path or host for the pod than the client asked for."""

import re
from dataclasses import dataclass
from typing import Annotated

from ..message import Differs, FieldError, Message, Read
from ..model import RegexRewrite
from ..values import compile_regex, field_text, regex_text, target_text

__all__ = ["HttpRewrite", "UriRegexRewrite"]

_NO_BLANK = "a blank is refused; Envoy sends it"
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)


@dataclass(frozen=True)
class UriRegexRewrite(Message, name="RegexRewrite"):
    r"""What of the path agrees with ``match`` becomes ``rewrite``, ``\1`` to ``\9`` its groups."""

    match: Annotated[str, Read(regex_text)]
    rewrite: Annotated[str, Read(target_text), Differs(_NO_BLANK)]

    def check(self) -> None:
        if not self.rewrite:
            raise FieldError("the field 'rewrite' is empty", r"write \0 for what was there")
        groups = compile_regex(self.match).groups
        for escaped in _ESCAPE.findall(self.rewrite):
            if escaped.isdigit() and int(escaped) > groups:
                raise FieldError(
                    f"the rewrite names a group \\{escaped}, the expression has {groups}",
                    "put what you mean in parentheses",
                )
            if not escaped.isdigit() and escaped != "\\":
                raise FieldError(
                    f"'\\{escaped}' means nothing in a rewrite", r"write \\ for a backslash"
                )

    @property
    def model(self) -> RegexRewrite:
        return RegexRewrite(self.match, self.rewrite)


@dataclass(frozen=True)
class HttpRewrite(Message, name="HTTPRewrite", one_of=("uri uriRegexRewrite",)):
    """``uri`` takes the place of the prefix that matched, or of all of the path."""

    uri: Annotated[str, Read(target_text), Differs(_NO_BLANK)] = ""
    authority: Annotated[str, Read(field_text)] = ""
    uri_regex_rewrite: UriRegexRewrite | None = None

    def check(self) -> None:
        if not (self.uri or self.authority or self.uri_regex_rewrite):
            raise FieldError(
                "the rewrite says nothing", "give it a 'uri', 'uriRegexRewrite' or 'authority'"
            )

"""Messages of Envoy's API that tests and routes have in common.

Names of fields may be spelled ``as_here`` or ``asHere``, as protobuf's JSON allows.
"""

from dataclasses import dataclass
from typing import Annotated

from hybridmesh.config.document import Node
from hybridmesh.config.message import Also, FieldError, Message, Read, expect

__all__ = ["HeaderMatcher", "HeaderValue", "Range", "Regex", "StringMatcher", "filled"]


def filled(node: Node) -> str:
    """A string that is not empty."""
    text = expect(node, str)
    if not text:
        raise FieldError("it must not be empty")
    return text


@dataclass(frozen=True)
class HeaderValue(Message):
    """``envoy.config.core.v3.HeaderValue``."""

    key: Annotated[str, Read(filled)]
    value: str = ""


@dataclass(frozen=True)
class Regex(Message, no_effect={"googleRe2": "it is the only engine", "google_re2": "likewise"}):
    """``envoy.type.matcher.v3.RegexMatcher``."""

    regex: str


@dataclass(frozen=True)
class StringMatcher(Message, one_of=("exact prefix suffix contains safe_regex safeRegex",)):
    """``envoy.type.matcher.v3.StringMatcher``."""

    exact: str | None = None
    prefix: str | None = None
    suffix: str | None = None
    contains: str | None = None
    safe_regex: Annotated[Regex, Also("safe_regex")] | None = None
    ignore_case: Annotated[bool, Also("ignore_case")] = False


@dataclass(frozen=True)
class Range(Message):
    """``envoy.type.v3.Int64Range``: from ``start`` on, before ``end``."""

    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class HeaderMatcher(Message):
    """``envoy.config.route.v3.HeaderMatcher``; without a condition, the field must be there."""

    name: Annotated[str, Read(filled)]
    string_match: Annotated[StringMatcher, Also("string_match")] | None = None
    present_match: Annotated[bool, Also("present_match")] | None = None
    range_match: Annotated[Range, Also("range_match")] | None = None
    exact_match: Annotated[str, Also("exact_match")] | None = None
    prefix_match: Annotated[str, Also("prefix_match")] | None = None
    suffix_match: Annotated[str, Also("suffix_match")] | None = None
    contains_match: Annotated[str, Also("contains_match")] | None = None
    safe_regex_match: Annotated[Regex, Also("safe_regex_match")] | None = None
    invert_match: Annotated[bool, Also("invert_match")] = False
    treat_missing_header_as_empty: Annotated[bool, Also("treat_missing_header_as_empty")] = False

"""The conditions of a route as Envoy reads them, each with the words for its failure.

Text from the YAML is compared as its UTF-8 bytes, one character per byte, which is how a
:class:`~hybridmesh.reference.head.Head` holds what came from the wire.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from ..compiler.fields import AUTHORITY
from ..compiler.regex import compile_regex
from ..config.model import FieldMatch, MatchKind, RouteMatch, StringMatch
from .head import Head

__all__ = ["Condition", "Test", "conditions", "field_values", "path_condition", "wire"]

Test = Callable[[Head], bool]

_HOP_BY_HOP = frozenset(
    {"connection", "expect", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}
)
_ALWAYS_THERE = frozenset({"x-forwarded-for", "x-request-id"})


@dataclass(frozen=True)
class Condition:
    """A test of a head, and why it failed, in words that can follow "because"."""

    holds: Test
    failure: Callable[[Head], str]


def wire(text: str) -> str:
    """*text* with one character per byte of its UTF-8 form."""
    return text.encode().decode("latin-1")


def path_condition(match: StringMatch) -> Condition:
    """The condition on the path; a regex minds the case whatever the route says, as in Envoy."""
    if match.ignore_case and match.kind is not MatchKind.REGEX:
        test = _test(match, wire(match.value).lower())  # a path holds ASCII letters only
        failure = f"path {_words(match)[1]}, letters of either case alike"
        return Condition(lambda head: test(head.path.lower()), lambda _: failure)
    return _attribute("path", match, lambda head: head.path)


def conditions(match: RouteMatch) -> Iterator[Condition]:
    """All conditions of a route but the one on the path, the cheap ones first."""
    if match.method is not None:
        yield _attribute("method", match.method, lambda head: head.method)
    if match.scheme is not None:
        yield _attribute("scheme", match.scheme, lambda head: head.scheme)
    if match.authority is not None:
        yield _attribute("authority", match.authority, lambda head: head.authority)
    for header in match.headers:
        yield _field("header", header, partial(field_values, name=header.name))
    for parameter in match.query:
        yield _field(
            "query parameter", parameter, partial(_parameter_values, name=wire(parameter.name))
        )


def field_values(head: Head, name: str) -> list[str]:
    """What routes see of the header field *name*; empty: it is not there.

    Envoy consumes hop-by-hop fields and adds its own before it chooses a route, and it has pseudo
    headers.
    """
    if name in AUTHORITY:
        return [head.authority]
    if name.startswith(":"):
        pseudo = {":method": head.method, ":scheme": head.scheme, ":path": head.origin_form}
        return [pseudo[name]] if name in pseudo else []
    if name in _HOP_BY_HOP and head.upgrade is None:
        return []
    if name in head.nominated():
        return []
    if name == "x-forwarded-proto":
        return ["http"]
    values = head.match_values(name)
    if name == "te":
        codings = ",".join(values).lower().replace(" ", "").split(",")
        return ["trailers"] if "trailers" in codings else []
    return values or ([""] if name in _ALWAYS_THERE else [])


def _parameter_values(head: Head, name: str) -> list[str]:
    """The first query parameter called *name*; nothing is percent-decoded."""
    for part in (head.query or "").split("&"):
        key, _, value = part.partition("=")
        if key == name:
            return [value]
    return []


def _attribute(what: str, match: StringMatch, get: Callable[[Head], str]) -> Condition:
    test = _test(match, wire(match.value))
    failure = f"{what} {_words(match)[1]}"
    return Condition(lambda head: test(get(head)), lambda _: failure)


def _field(what: str, match: FieldMatch, get: Callable[[Head], list[str]]) -> Condition:
    """A condition on a thing that may be missing, or there more than once: one hit is enough.

    Inverted, no hit is asked for, and missing counts as the empty string, save where the question
    is its presence.
    """
    label = f"{what} {match.name}"
    words, not_words = _words(match.match)
    test = _test(match.match, wire(match.match.value))
    if not match.invert:
        return Condition(
            lambda head: any(map(test, get(head))),
            lambda head: f"{label} {not_words if get(head) else 'is absent'}",
        )
    if match.match.kind is MatchKind.PRESENT:
        return Condition(lambda head: not get(head), lambda _: f"{label} is present")
    return Condition(
        lambda head: not any(map(test, get(head) or [""])),
        lambda head: f"{label} {words}{'' if get(head) else ' (absent)'}",
    )


def _test(match: StringMatch, text: str) -> Callable[[str], bool]:
    if match.kind is MatchKind.EXACT:
        return text.__eq__
    if match.kind is MatchKind.PREFIX:
        return lambda value: value.startswith(text)
    if match.kind is MatchKind.PRESENT:
        return lambda value: True
    fullmatch = compile_regex(match.value).fullmatch
    return lambda value: fullmatch(value.encode("latin-1")) is not None


def _words(match: StringMatch) -> tuple[str, str]:
    """How the comparison reads where it holds, and where it does not."""
    value = repr(match.value)
    return {
        MatchKind.EXACT: (f"is {value}", f"is not {value}"),
        MatchKind.PREFIX: (f"begins with {value}", f"does not begin with {value}"),
        MatchKind.REGEX: (f"matches the regex {value}", f"does not match the regex {value}"),
        MatchKind.PRESENT: ("is present", "is absent"),
    }[match.kind]

"""A condition on a head's field, as Envoy's ``HeaderMatcher`` has it."""

from collections.abc import Callable, Sequence

from hybridmesh.compiler.regex import compile_regex

from .schema import HeaderMatcher, StringMatcher

__all__ = ["holds", "words"]

_Test = Callable[[str], bool]


def holds(matcher: HeaderMatcher, values: Sequence[str]) -> bool:
    """Whether *values*, those of the field's lines, are as *matcher* wants them: one is enough."""
    test = _test(matcher)
    if test is None:
        present = bool(values) == (matcher.present_match is not False)
        return present != matcher.invert_match
    if not values and matcher.treat_missing_header_as_empty:
        values = ("",)
    return any(map(test, values)) != matcher.invert_match


def words(matcher: HeaderMatcher) -> str:
    """*matcher* as it is written, for people."""
    value = matcher.node.value
    parts = value if isinstance(value, dict) else {}
    said = ", ".join(f"{key} {_plain(node.value)}" for key, node in parts.items() if key != "name")
    return f"{matcher.name}: {said}" if said else f"{matcher.name} is there"


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return " ".join(f"{key} {_plain(node.value)}" for key, node in value.items())
    return repr(value)


def _test(matcher: HeaderMatcher) -> _Test | None:
    """None: only its presence is asked for."""
    if matcher.string_match is not None:
        return _of_string(matcher.string_match)
    if (numbers := matcher.range_match) is not None:
        return lambda value: _is_number(value) and numbers.start <= int(value) < numbers.end
    if (exact := matcher.exact_match) is not None:
        return exact.__eq__
    if (prefix := matcher.prefix_match) is not None:
        return lambda value: value.startswith(prefix)
    if (suffix := matcher.suffix_match) is not None:
        return lambda value: value.endswith(suffix)
    if (part := matcher.contains_match) is not None:
        return lambda value: part in value
    if matcher.safe_regex_match is not None:
        return _regex(matcher.safe_regex_match.regex)
    return None


def _of_string(matcher: StringMatcher) -> _Test:
    if matcher.safe_regex is not None:  # minds the case whatever else is said
        return _regex(matcher.safe_regex.regex)
    fold = str.lower if matcher.ignore_case else str
    if matcher.exact is not None:
        exact = fold(matcher.exact)
        return lambda value: fold(value) == exact
    if matcher.prefix is not None:
        prefix = fold(matcher.prefix)
        return lambda value: fold(value).startswith(prefix)
    if matcher.suffix is not None:
        suffix = fold(matcher.suffix)
        return lambda value: fold(value).endswith(suffix)
    part = fold(matcher.contains or "")
    return lambda value: part in fold(value)


def _regex(text: str) -> _Test:
    fullmatch = compile_regex(text).fullmatch
    return lambda value: fullmatch(value.encode("latin-1")) is not None


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()

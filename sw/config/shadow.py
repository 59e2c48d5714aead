"""Which routes are never reached because an earlier one matches all that they match.

The answer is sound and not complete: a route that is named here is surely never reached.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain

from .model import FieldMatch, MatchKind, Route, RouteMatch, StringMatch
from .values import compile_regex

__all__ = ["covers", "first_covers", "implies"]


Key = tuple[object, ...] | None


def first_covers(routes: Sequence[Route]) -> Iterator[tuple[int, int]]:
    """For each route that is never reached, its index and that of the first route covering it.

    An earlier route is filed under its path and one of its exact conditions, and a route looks only
    into the files that could cover it, so that thousands of routes take no time.
    """
    files: dict[tuple[Key, Key], list[int]] = defaultdict(list)
    for index, route in enumerate(routes):
        match = route.match
        exact = list(_exact_conditions(match))
        seekers = [(path, cond) for path in _covering_paths(match.path) for cond in [None, *exact]]
        candidates = sorted(chain.from_iterable(files.get(key, ()) for key in seekers))
        cover = next((c for c in candidates if covers(routes[c].match, match)), None)
        if cover is not None:
            yield index, cover
        for path in _own_paths(match.path):
            files[path, exact[0] if exact else None].append(index)


def _exact_conditions(match: RouteMatch) -> Iterator[Key]:
    """Exact conditions; only a route that has the very same one can be covered by *match*."""
    for name, text in (
        ("method", match.method),
        ("scheme", match.scheme),
        ("authority", match.authority),
    ):
        if text is not None and text.kind is MatchKind.EXACT:
            yield name, text.value
    for place, conditions in (("header", match.headers), ("query", match.query)):
        for condition in conditions:
            if condition.match.kind is MatchKind.EXACT and not condition.invert:
                yield place, condition.name, condition.match.value


def _own_paths(path: StringMatch | None) -> Iterator[Key]:
    """Where a route with *path* is filed."""
    if path is None or (path.kind is MatchKind.REGEX and path.value == ".*"):
        yield None
    elif path.kind is MatchKind.REGEX:
        yield path.kind, path.value
        yield (path.kind,)
    else:
        yield path.kind, path.value.lower()


def _covering_paths(path: StringMatch | None) -> Iterator[Key]:
    """Where the routes are filed that could cover *path*."""
    yield None
    if path is None:
        return
    if path.kind is MatchKind.REGEX:
        yield path.kind, path.value
        return
    text = path.value.lower()
    for end in range(len(text) + 1):
        yield MatchKind.PREFIX, text[:end]
    if path.kind is MatchKind.EXACT:
        yield path.kind, text
        yield (MatchKind.REGEX,)


def covers(wide: RouteMatch, narrow: RouteMatch) -> bool:
    """Whether every request that *narrow* matches is surely matched by *wide*."""
    pairs = (
        (wide.path, narrow.path),
        (wide.method, narrow.method),
        (wide.scheme, narrow.scheme),
        (wide.authority, narrow.authority),
    )
    return (
        all(w is None or (n is not None and implies(n, w)) for w, n in pairs)
        and _fields_cover(wide.headers, narrow.headers)
        and _fields_cover(wide.query, narrow.query)
    )


def _fields_cover(wide: Sequence[FieldMatch], narrow: Sequence[FieldMatch]) -> bool:
    return all(any(_field_implies(n, w) for n in narrow) for w in wide)


def _field_implies(narrow: FieldMatch, wide: FieldMatch) -> bool:
    if narrow == wide:
        return True
    same = narrow.name == wide.name and not (narrow.invert or wide.invert)
    return same and implies(narrow.match, wide.match)


def implies(narrow: StringMatch, wide: StringMatch) -> bool:
    """Whether every string that *narrow* matches is surely matched by *wide*."""
    if narrow == wide or wide.kind is MatchKind.PRESENT:
        return True
    if wide.kind is MatchKind.REGEX:
        if wide.value == ".*":
            return True
        exact = narrow.kind is MatchKind.EXACT and not narrow.ignore_case
        return exact and compile_regex(wide.value).fullmatch(narrow.value) is not None
    if narrow.kind not in (MatchKind.EXACT, MatchKind.PREFIX):
        return False
    if narrow.ignore_case and not wide.ignore_case:
        return False
    text, pattern = narrow.value, wide.value
    if wide.ignore_case:
        text, pattern = text.lower(), pattern.lower()
    if wide.kind is MatchKind.PREFIX:
        return text.startswith(pattern)
    return narrow.kind is MatchKind.EXACT and text == pattern

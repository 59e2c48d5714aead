"""Which routes are never reached because an earlier one matches all that they match.

The answer is sound and not complete: a route that is named here is surely never reached.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from .model import FieldMatch, MatchKind, Route, RouteMatch, StringMatch
from .values import compile_regex

__all__ = ["covers", "first_covers", "implies"]


def first_covers(routes: Sequence[Route]) -> Iterator[tuple[int, int]]:
    """For each route that is never reached, its index and that of the first route covering it.

    Looks only at earlier routes that can cover the path, found by the path's own prefixes, so that
    thousands of routes take no time.
    """
    anywhere: list[int] = []
    by_path: dict[tuple[MatchKind, str], list[int]] = defaultdict(list)
    for index, route in enumerate(routes):
        path = route.match.path
        candidates = [*anywhere]
        if path is not None:
            candidates += by_path.get((path.kind, path.value.lower()), ())
            if path.kind in (MatchKind.EXACT, MatchKind.PREFIX):
                for end in range(len(path.value) + 1):
                    candidates += by_path.get((MatchKind.PREFIX, path.value[:end].lower()), ())
        cover = min((c for c in candidates if covers(routes[c].match, route.match)), default=None)
        if cover is not None:
            yield index, cover
        if path is None or path.kind is MatchKind.REGEX:
            anywhere.append(index)
        else:
            by_path[path.kind, path.value.lower()].append(index)


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

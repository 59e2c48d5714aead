"""Indexes that make choosing a route independent of how many there are.

A route list is filed by path: a hash of exact paths, and a forest of prefixes in which one binary
search finds all that a path begins with.  A regex is filed under the literal it begins with.
Routes of one path that differ in a header's exact value are filed by that value.  Within what is
left, the lowest number wins.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Self

from ..compiler.regex import language
from ..config.model import MatchKind, Route, RouteMatch, VirtualHost
from .conditions import Test, conditions, field_values, path_condition, wire
from .head import Head

__all__ = ["HostIndex", "RouteIndex"]


class HostIndex:
    """Virtual hosts by domain: exact, longest suffix, longest prefix, any."""

    def __init__(self, hosts: Iterable[VirtualHost]) -> None:
        self._exact: dict[str, VirtualHost] = {}
        suffixes: dict[int, dict[str, VirtualHost]] = {}
        prefixes: dict[int, dict[str, VirtualHost]] = {}
        self._any: VirtualHost | None = None
        for host in hosts:
            domain = wire(host.domain.lower())
            if domain == "*":
                self._any = host
            elif domain.startswith("*"):
                suffixes.setdefault(len(domain) - 1, {})[domain[1:]] = host
            elif domain.endswith("*"):
                prefixes.setdefault(len(domain) - 1, {})[domain[:-1]] = host
            else:
                self._exact[domain] = host
        self._suffixes = sorted(suffixes.items(), reverse=True)
        self._prefixes = sorted(prefixes.items(), reverse=True)

    def find(self, host: str) -> VirtualHost | None:
        """The virtual host of *host* (lower case, no port); a ``*`` stands for one byte or more."""
        found = self._exact.get(host)
        if found is not None:
            return found
        for length, suffixes in self._suffixes:
            if length < len(host) and (found := suffixes.get(host[-length:])):
                return found
        for length, prefixes in self._prefixes:
            if length < len(host) and (found := prefixes.get(host[:length])):
                return found
        return self._any


class RouteIndex:
    """One list of routes."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._end = len(routes)
        plain, folded = _Shelf(), _Shelf()
        for index, route in enumerate(routes):
            path = route.match.path
            if path is not None and path.ignore_case and path.kind is not MatchKind.REGEX:
                folded.add(index, route.match, str.lower)
            else:
                plain.add(index, route.match, str)
        self._plain = plain.freeze()
        self._folded = folded.freeze() if folded else None

    def find(self, head: Head, start: int = 0) -> int | None:
        """Number of the first route from *start* on that matches."""
        best = self._plain.find(head.path, head, start, self._end)
        if self._folded is not None:
            best = self._folded.find(head.path.lower(), head, start, best)
        return best if best < self._end else None


class _Shelf:
    """Routes by the path they ask for."""

    def __init__(self) -> None:
        self._exact: dict[str, _Bucket] = {}
        self._prefix: dict[str, _Bucket] = {}

    def __bool__(self) -> bool:
        return bool(self._exact or self._prefix)

    def add(self, index: int, match: RouteMatch, spell: Callable[[str], str]) -> None:
        """File a route; *spell* gives its path the spelling that will be looked up."""
        path = match.path
        shelf, text, tests = self._prefix, "", []
        if path is not None and path.kind is MatchKind.REGEX:
            text = language(path.value).literal.decode("latin-1")
            tests = [path_condition(path).holds]
        elif path is not None:
            text = spell(wire(path.value))
            shelf = self._exact if path.kind is MatchKind.EXACT else self._prefix
        tests += [condition.holds for condition in conditions(match)]
        shelf.setdefault(text, _Bucket()).add(index, match, tests)

    def freeze(self) -> Self:
        for bucket in (*self._exact.values(), *self._prefix.values()):
            bucket.freeze()
        self._prefixes = _Prefixes(self._prefix)
        return self

    def find(self, path: str, head: Head, start: int, best: int) -> int:
        """The first match from *start* on and below *best*, else *best*."""
        bucket = self._exact.get(path)
        if bucket is not None:
            best = bucket.find(head, start, best)
        for first, bucket in self._prefixes.covering(path):
            if first >= best:
                break
            best = bucket.find(head, start, best)
        return best


class _Prefixes:
    """A set of prefixes as a forest: each knows the longest other one that it begins with."""

    def __init__(self, buckets: Mapping[str, "_Bucket"]) -> None:
        self._keys = sorted(buckets)
        self._buckets = [buckets[key] for key in self._keys]
        self._parents: list[int] = []
        self._first: list[int] = []
        """Lowest route number in a bucket and the buckets of the prefixes it begins with."""
        parent = -1
        for number, key in enumerate(self._keys):
            while parent >= 0 and not key.startswith(self._keys[parent]):
                parent = self._parents[parent]
            first = self._buckets[number].first
            self._first.append(min(first, self._first[parent]) if parent >= 0 else first)
            self._parents.append(parent)
            parent = number

    def covering(self, text: str) -> Iterator[tuple[int, "_Bucket"]]:
        """The buckets of all prefixes of *text*, longest first, each with the lowest route number
        that is still to come."""
        # All prefixes of the text are prefixes of its predecessor in sorted order, or that itself.
        number = bisect_right(self._keys, text) - 1
        while number >= 0 and not text.startswith(self._keys[number]):
            number = self._parents[number]
        while number >= 0:
            yield self._first[number], self._buckets[number]
            number = self._parents[number]


class _Bucket:
    """Routes of one path, those that ask for an exact header value filed by the rarest one."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, list[tuple[str, str]], list[Test]]] = []

    @property
    def first(self) -> int:
        return self._entries[0][0]

    def add(self, index: int, match: RouteMatch, tests: list[Test]) -> None:
        values = [
            (header.name, wire(header.match.value))
            for header in match.headers
            if header.match.kind is MatchKind.EXACT and not header.invert
        ]
        self._entries.append((index, values, tests))

    def freeze(self) -> None:
        shared = Counter(value for _, values, _ in self._entries for value in values)
        self._rest = _Leaf()
        self._by_field: dict[str, dict[str, _Leaf]] = {}
        for index, values, tests in self._entries:
            leaf = self._rest
            if values:
                name, value = min(values, key=shared.__getitem__)
                leaf = self._by_field.setdefault(name, {}).setdefault(value, _Leaf())
            leaf.add(index, tests)

    def find(self, head: Head, start: int, best: int) -> int:
        best = self._rest.find(head, start, best)
        for name, leaves in self._by_field.items():
            for value in field_values(head, name):
                if leaf := leaves.get(value):
                    best = leaf.find(head, start, best)
        return best


class _Leaf:
    """Routes that are tried one after the other."""

    def __init__(self) -> None:
        self._indices: list[int] = []
        self._tests: list[list[Test]] = []

    def add(self, index: int, tests: list[Test]) -> None:
        self._indices.append(index)
        self._tests.append(tests)

    def find(self, head: Head, start: int, best: int) -> int:
        for k in range(bisect_left(self._indices, start), len(self._indices)):
            index = self._indices[k]
            if index >= best:
                break
            if all(test(head) for test in self._tests[k]):
                return index
        return best

"""One route as rows of the matcher: what the NIC can ask, and what is left to the CPU.

A plan never asks more than the route does.  Where the NIC cannot ask all of it, the row is a
superset and says why.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..config.model import FieldMatch, MatchKind, Route, StringMatch
from ..contract.geometry import Geometry
from ..contract.verdict import Method
from .fields import AUTHORITY, is_rewritten
from .pattern import Pattern
from .predicates import Line
from .regex import compile_regex, language

__all__ = ["LineTest", "RowPlan", "plan"]

_KNOWN = {method.name: 1 << method for method in Method if method is not Method.OTHER}
_OTHER = 1 << Method.OTHER
_ANY_METHOD = 0xFFFF
_METHOD_LIST = re.compile(r"[A-Z]+(\|[A-Z]+)*")


@dataclass(frozen=True)
class LineTest:
    """A condition over field lines: ``line`` must be there, or with ``absent`` must not.

    ``notice`` is one more line to look for: that a field came twice shows only when both of its
    lines meet the same question, and then the NIC leaves the head to the CPU.
    """

    line: Line
    absent: bool = False
    notice: Line | None = None

    @property
    def lines(self) -> tuple[Line, ...]:
        return (self.line,) if self.notice is None else (self.line, self.notice)


@dataclass(frozen=True)
class RowPlan:
    """One row; ``methods`` has a bit per :class:`~hybridmesh.contract.verdict.Method` code.

    ``reasons`` says why the row is a superset of its route; empty where it is not.
    """

    path: Pattern
    methods: int
    tests: tuple[LineTest, ...]
    reasons: tuple[str, ...]


class _NeverError(Exception):
    """No head that the NIC decides can match the route."""


@dataclass
class _Draft:
    """Conditions gathered so far."""

    geometry: Geometry
    tests: list[LineTest] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def leave(self, reason: str) -> None:
        self.reasons.append(reason)


def plan(route: Route, geometry: Geometry) -> tuple[RowPlan, ...]:
    """The rows of *route*, best first; none where no decided head can match it."""
    match = route.match
    draft = _Draft(geometry)
    try:
        path = _path(match.path, draft)
        _scheme(match.scheme)
        if match.authority is not None:
            _header(FieldMatch("host", match.authority), draft)
        for condition in match.headers:
            _header(condition, draft)
    except _NeverError:
        return ()
    if match.query:
        draft.leave("query parameters are for the CPU")
    tests = tuple(dict.fromkeys(draft.tests))
    return tuple(
        RowPlan(path, codes, tests, (*draft.reasons, *reasons))
        for codes, reasons in _methods(match.method)
    )


def _path(match: StringMatch | None, draft: _Draft) -> Pattern:
    if match is None:
        return Pattern(b"", exact=False)
    kind, literal = _literal(match)
    folded = len(literal) if match.ignore_case and match.kind is not MatchKind.REGEX else 0
    pattern = Pattern(literal, kind is MatchKind.EXACT, folded)
    if pattern.impossible:
        raise _NeverError
    if kind is MatchKind.REGEX:
        draft.leave(f"path regex {match.value!r} is for the CPU")
    elif not pattern.fits(draft.geometry.path):
        draft.leave(f"path is longer than the {draft.geometry.path_bytes} bytes looked up")
    return pattern


def _literal(match: StringMatch) -> tuple[MatchKind, bytes]:
    """The comparison as EXACT or PREFIX of a literal, or REGEX where it is a superset."""
    if match.kind is MatchKind.REGEX:
        return language(match.value)
    return match.kind, match.value.encode()


def _scheme(match: StringMatch | None) -> None:
    """The link is plain HTTP, so the scheme of a decided head is known."""
    if match is None:
        return
    if match.kind is MatchKind.REGEX:
        holds = compile_regex(match.value).fullmatch(b"http") is not None
    elif match.kind is MatchKind.PREFIX:
        holds = "http".startswith(match.value)
    else:
        holds = match.value == "http"
    if not holds:
        raise _NeverError


def _methods(match: StringMatch | None) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Method codes to accept, and why that is a superset; methods without a code share one."""
    if match is None or (match.kind is MatchKind.PREFIX and not match.value):
        yield _ANY_METHOD, ()
        return
    if match.kind is MatchKind.REGEX and _METHOD_LIST.fullmatch(match.value):
        names = set(match.value.split("|"))
    elif match.kind is MatchKind.REGEX:
        regex = compile_regex(match.value)
        names = {name for name in _KNOWN if regex.fullmatch(name.encode())} | {match.value}
    elif match.kind is MatchKind.PREFIX:
        names = {name for name in _KNOWN if name.startswith(match.value)} | {""}
    else:
        names = {match.value}
    codes = sum(_KNOWN[name] for name in names if name in _KNOWN)
    if codes:
        yield codes, ()
    if not names <= _KNOWN.keys():
        yield _OTHER, ("the NIC knows methods beyond RFC 9110's only as 'another'",)


def _header(condition: FieldMatch, draft: _Draft) -> None:
    if is_rewritten(condition.name) and condition.name not in AUTHORITY:
        draft.leave(f"field {condition.name} is rewritten before routes see it")
        return
    is_host = condition.name in AUTHORITY
    name = b"host" if is_host else condition.name.encode()
    present = Line(name)
    if not present.fits(draft.geometry.header) or present.pattern.impossible:
        draft.leave(f"name of field {condition.name} is too long for the NIC")
        return
    if condition.match.kind is MatchKind.PRESENT:
        draft.tests.append(LineTest(present, absent=condition.invert))
        return
    kind, literal = _literal(condition.match)
    exact = kind is MatchKind.EXACT
    if condition.invert and not literal and kind is not MatchKind.REGEX:
        if not exact:  # every value begins with the empty string, a missing one too
            raise _NeverError
        draft.tests.append(LineTest(present))  # missing counts as empty
        return
    line = Line(name, literal, exact) if literal else present
    if line.pattern.impossible or (exact and not literal):  # a decided head has no empty value
        if not condition.invert:
            raise _NeverError
        return
    sure = kind is not MatchKind.REGEX and line.fits(draft.geometry.header)
    if not sure:
        what = f"regex {condition.match.value!r} is for the CPU"
        if kind is not MatchKind.REGEX:
            what = "the value is too long for the NIC"
        draft.leave(f"field {condition.name}: {what}")
        if condition.invert:
            return
    notice = None if is_host or line == present else present
    draft.tests.append(LineTest(line, absent=condition.invert, notice=notice))

"""Conditions on header fields and query parameters as questions to the NIC."""

from ..config.model import FieldMatch, MatchKind
from .draft import Draft, NeverError, literal
from .fields import AUTHORITY, is_rewritten
from .questions import Line, Param, Question

__all__ = ["ask_header", "ask_param"]


def ask_header(condition: FieldMatch, draft: Draft) -> None:
    """Add to *draft* what *condition* on a header field asks."""
    if condition.name in AUTHORITY:
        _ask(condition, Line(b"host"), None, draft)
    elif is_rewritten(condition.name):
        draft.leave(f"field {condition.name} is rewritten before routes see it")
    else:
        line = Line(condition.name.encode())
        _ask(condition, line, line, draft)


def ask_param(condition: FieldMatch, draft: Draft) -> None:
    """Add to *draft* what *condition* on a query parameter asks.

    Envoy takes the first of several that have the name, and decodes nothing.
    """
    param = Param(condition.name.encode())
    if not param.is_possible and not condition.invert:
        raise NeverError
    _ask(condition, param, param, draft)


def _ask(condition: FieldMatch, present: Question, notice: Question | None, draft: Draft) -> None:
    """*present* asks whether the thing is there, *notice* may show that it came twice."""
    space = draft.geometry.header
    if not present.is_possible or not present.fits(space):
        draft.leave(f"the name of {present.about} is not one that the NIC can look up")
        return
    if condition.match.kind is MatchKind.PRESENT:
        draft.ask(present, absent=condition.invert)
        return
    kind, text = literal(condition.match)
    exact = kind is MatchKind.EXACT
    if not text and kind is not MatchKind.REGEX and condition.invert:
        if not exact:  # every value begins with the empty string, a missing one too
            raise NeverError
        draft.ask(present)  # missing counts as empty
    question = present.holding(text, exact=exact) if text or exact else present
    if not question.is_possible:
        if not condition.invert:
            raise NeverError
        return
    if kind is MatchKind.REGEX or not question.fits(space):
        what = f"regex {condition.match.value!r} is for the CPU"
        if kind is not MatchKind.REGEX:
            what = "the value is too long for the NIC"
        draft.leave(f"{present.about}: {what}")
        if condition.invert:
            return
    draft.ask(question, absent=condition.invert, notice=None if question == present else notice)

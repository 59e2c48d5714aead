"""A disagreement in words: the request, both answers, and what is wrong."""

from collections.abc import Sequence

from .client import Request
from .exchange import Answer

__all__ = ["told"]


def told(request: Request, envoy: Answer, ours: Answer, found: Sequence[str]) -> str:
    lines = [request.render("1").decode("latin-1").replace("\r\n", "\n").rstrip()]
    for who, answer in (("Envoy", envoy), ("the gateway", ours)):
        lines += [f"--- {who}", *_answer(answer)]
    return "\n".join([*lines, "--- differs", *found, ""])


def _answer(answer: Answer) -> list[str]:
    lines = [f"{answer.status} {answer.reason}", *_fields(answer.fields)]
    if answer.body:
        lines.append(f"  body {answer.body!r}")
    for arrival in answer.arrivals:
        lines += [f"at {arrival.pod}: {arrival.line}", *_fields(arrival.fields)]
        if arrival.body:
            lines.append(f"  body {arrival.body!r}")
    return lines


def _fields(fields: Sequence[tuple[str, str]]) -> list[str]:
    return [f"  {name}: {value}" for name, value in fields]

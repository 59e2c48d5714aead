"""The deliberate differences: what of two answers may differ, each with its place in the docs.

A difference takes the request and both answers, and gives these with the difference taken out
where it applies.  One that is not here is a failure.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hybridmesh.reference.head import JOINED

from .client import Request
from .exchange import Answer, Field
from .pods import PHRASE

__all__ = ["DIFFERENCES", "DOCUMENT", "Difference", "complaints", "reconciled"]

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"

Pair = tuple[Answer, Answer]
Fields = tuple[Field, ...]


@dataclass(frozen=True)
class Difference:
    """``anchor`` is that of its paragraph in the document."""

    anchor: str
    reconcile: Callable[[Request, Answer, Answer], Pair]


def reconciled(request: Request, envoy: Answer, ours: Answer) -> tuple[Answer, Answer, set[str]]:
    """Both answers without the deliberate differences, and the anchors of those that were found."""
    found = set()
    for difference in DIFFERENCES:
        pair = difference.reconcile(request, envoy, ours)
        if pair != (envoy, ours):
            found.add(difference.anchor)
        envoy, ours = pair
    return envoy, ours, found


def complaints(request: Request, envoy: Answer, ours: Answer) -> list[str]:
    """What of *ours* differs from *envoy* without a reason; the order of lines of different names
    does not matter (RFC 9110, 5.3)."""
    envoy, ours, _ = reconciled(request, envoy, ours)
    found = [
        f"{name}: {getattr(envoy, name)!r}, says Envoy; the gateway: {getattr(ours, name)!r}"
        for name in ("status", "reason", "interim", "body", "whole")
        if getattr(envoy, name) != getattr(ours, name)
    ]
    found += _of_fields("", envoy.fields, ours.fields)
    pods = [[arrival.pod for arrival in answer.arrivals] for answer in (envoy, ours)]
    if pods[0] != pods[1]:
        return [*found, f"pods: {pods[0]}, says Envoy; the gateway: {pods[1]}"]
    for theirs, mine in zip(envoy.arrivals, ours.arrivals, strict=True):
        found += [
            f"at {theirs.pod}, {name}: {getattr(theirs, name)!r}, says Envoy; "
            f"the gateway: {getattr(mine, name)!r}"
            for name in ("line", "body")
            if getattr(theirs, name) != getattr(mine, name)
        ]
        found += _of_fields(f"at {theirs.pod}, ", theirs.fields, mine.fields)
    return found


def _of_fields(where: str, envoy: Fields, ours: Fields) -> list[str]:
    found = []
    for name in dict.fromkeys(name for name, _ in (*envoy, *ours)):
        theirs, mine = ([value for own, value in fields if own == name] for fields in (envoy, ours))
        if theirs != mine:
            found.append(f"{where}field {name}: {theirs}, says Envoy; the gateway: {mine}")
    return found


def _at_pods(answer: Answer, change: Callable[[Fields], Fields]) -> Answer:
    """*answer* with *change* made to the heads that the pods got."""
    changed = (replace(arrival, fields=change(arrival.fields)) for arrival in answer.arrivals)
    return replace(answer, arrivals=tuple(changed))


# ------------------------------------------------------------------ what the pods see
def _case_of_names(request: Request, envoy: Answer, ours: Answer) -> Pair:
    def lower(fields: Fields) -> Fields:
        return tuple((name.lower(), value) for name, value in fields)

    return envoy, _at_pods(ours, lower)


def _keep_alive(request: Request, envoy: Answer, ours: Answer) -> Pair:
    def without(fields: Fields) -> Fields:
        return tuple(field for field in fields if field != ("connection", "keep-alive"))

    return envoy, _at_pods(ours, without)


def _repeated_lines(request: Request, envoy: Answer, ours: Answer) -> Pair:
    def joined(fields: Fields) -> Fields:
        values: dict[str, list[str]] = {}
        for name, value in fields:
            values.setdefault(name, []).append(value)
        return tuple(
            (name, value)
            for name, own in values.items()
            for value in ([",".join(own)] if name in JOINED else own)
        )

    return envoy, _at_pods(ours, joined)


def _grpc_timeout(request: Request, envoy: Answer, ours: Answer) -> Pair:
    def without(fields: Fields) -> Fields:
        return tuple(field for field in fields if field[0] != "grpc-timeout")

    grpc = any(line.startswith("content-type: application/grpc") for line in request.lines)
    return (_at_pods(envoy, without), _at_pods(ours, without)) if grpc else (envoy, ours)


# ------------------------------------------------------------------ what the client sees
def _reason(request: Request, envoy: Answer, ours: Answer) -> Pair:
    """The pod's own reason phrase."""
    return envoy, replace(ours, reason=envoy.reason) if ours.reason == PHRASE else ours


def _without(answer: Answer, *gone: Field) -> Answer:
    return replace(answer, fields=tuple(field for field in answer.fields if field not in gone))


def _head_of_nothing(request: Request, envoy: Answer, ours: Answer) -> Pair:
    if request.method == "HEAD" and not envoy.values("content-length"):
        chunked, empty = ("transfer-encoding", "chunked"), ("content-length", "0")
        return _without(envoy, chunked), _without(ours, empty)
    return envoy, ours


def _body_of_a_400(request: Request, envoy: Answer, ours: Answer) -> Pair:
    empty = ("content-length", "0")
    if envoy.status == ours.status == 400 and empty in envoy.fields:
        gone = ("content-type", "text/plain"), ("content-length", str(len(ours.body)))
        return _without(envoy, empty), replace(_without(ours, *gone), body="")
    return envoy, ours


def _closed_on_body(request: Request, envoy: Answer, ours: Answer) -> Pair:
    if request.body and not envoy.arrivals:
        closed = ("connection", "close")
        if closed in envoy.fields:  # in HTTP/1.0 the other one has to be said
            ours = _without(ours, ("connection", "keep-alive"))
        return _without(envoy, closed), _without(ours, closed)
    return envoy, ours


DIFFERENCES = (
    Difference("case-of-names", _case_of_names),
    Difference("keep-alive", _keep_alive),
    Difference("repeated-lines", _repeated_lines),
    Difference("grpc-timeout", _grpc_timeout),
    Difference("reason-phrase", _reason),
    Difference("head-without-body", _head_of_nothing),
    Difference("body-of-a-400", _body_of_a_400),
    Difference("body-of-a-refused-request", _closed_on_body),
)

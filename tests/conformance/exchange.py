"""What is compared: an answer as the client saw it, and what the pods saw of the request.

Values that are new with every request (dates, ids, times, the test machine's addresses) are
replaced by words as soon as they are read.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = [
    "Answer",
    "Arrival",
    "Field",
    "alike",
    "masked",
    "repeated",
    "service_of",
    "shortened",
]

Field = tuple[str, str]
"""Name and value of a header field."""

# Envoy gives a client of the loopback interface another of the machine's addresses; those that
# cases let clients claim are of TEST-NET-3 (RFC 5737).
_ADDRESS = re.compile(r"(?<![\d.:])(?!203\.0\.113\.)[0-9]+\.[0-9.]+")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")


_LONG = re.compile(r"(.)\1{199,}")
_REPEATED = re.compile(r"<(.)\*(\d+)>")


def _word(pattern: re.Pattern[str], word: str) -> Callable[[str], str]:
    return lambda value: pattern.sub(word, value)


def _rounded_up(left: int) -> int:
    """Milliseconds that a retry has left, without those that the machine took."""
    step = 1000 if left > 1000 else 50
    return -(-left // step) * step


_MASKS: dict[str, Callable[[str], str]] = {
    "set-cookie": _word(re.compile('(?<=")[0-9a-f]{16}(?=")'), "<hash>"),
    "date": _word(_DATE, "<date>"),
    "x-request-id": _word(_UUID, "<uuid>"),
    "x-envoy-upstream-service-time": _word(re.compile(r"\d+"), "<ms>"),
    "x-forwarded-client-cert": _word(re.compile(r'(?<=Hash=)\w+|(?<=Cert=")[^"]+'), "<this>"),
    "x-envoy-external-address": _word(_ADDRESS, "<address>"),
    "x-envoy-expected-rq-timeout-ms": lambda value: str(_rounded_up(int(value))),
    "x-forwarded-for": _word(_ADDRESS, "<address>"),
}


def masked(name: str, value: str) -> Field:
    """The field, with a word in place of what is never twice the same."""
    mask = _MASKS.get(name.lower())
    return name, shortened(mask(value) if mask else value)


def shortened(text: str) -> str:
    """*text* as :func:`repeated` reads it."""
    return _LONG.sub(lambda run: f"<{run[1]}*{len(run[0])}>", text)


def repeated(text: str) -> str:
    """*text* with as many ``a`` as in ``<a*1000>``."""
    return _REPEATED.sub(lambda run: run[1] * int(run[2]), text)


@dataclass(frozen=True)
class Arrival:
    """A request at a pod.

    Attributes
    ----------
    pod : str
        Name of the pod.
    line : str
        The request line.
    """

    pod: str
    line: str
    fields: tuple[Field, ...]
    body: str

    def to_json(self) -> dict[str, Any]:
        return {
            "pod": self.pod,
            "request": [self.line, *(f"{name}: {value}" for name, value in self.fields)],
            "body": self.body,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Arrival":
        line, *fields = data["request"]
        return cls(data["pod"], line, _fields(fields), data["body"])


def alike(arrivals: Sequence[Arrival]) -> tuple[Arrival, ...]:
    """*arrivals* with the pods of a service numbered in the order in which they were reached, as it
    does not matter which of them was the first."""
    names: dict[str, str] = {}
    for arrival in arrivals:
        service = service_of(arrival.pod)
        number = sum(service_of(pod) == service for pod in names) + 1
        names.setdefault(arrival.pod, f"{service}-{number}")
    return tuple(replace(arrival, pod=names[arrival.pod]) for arrival in arrivals)


def service_of(pod: str) -> str:
    """The service of a pod, from its name."""
    return pod.rpartition("-")[0]


@dataclass(frozen=True)
class Answer:
    """What became of a request.

    Attributes
    ----------
    status : int
        0: the connection was refused, or closed without an answer.
    interim : tuple of int
        Status codes of the interim responses before it.
    whole : bool
        Whether the body came to its end.
    arrivals : tuple of Arrival
        At pods, in the order of the pods' names, at each of them in the order of time.
    """

    status: int = 0
    reason: str = ""
    interim: tuple[int, ...] = ()
    fields: tuple[Field, ...] = ()
    body: str = ""
    whole: bool = True
    arrivals: tuple[Arrival, ...] = field(default=())

    def values(self, name: str) -> list[str]:
        """Values of the fields called *name*, which is lower case."""
        return [value for own, value in self.fields if own.lower() == name]

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "response": [
                f"{self.status} {self.reason}".rstrip(),
                *(f"{name}: {value}" for name, value in self.fields),
            ],
            "body": self.body,
        }
        if self.interim:
            data["interim"] = list(self.interim)
        if not self.whole:
            data["whole"] = False
        data["arrivals"] = [arrival.to_json() for arrival in self.arrivals]
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Answer":
        line, *fields = data["response"]
        status, _, reason = line.partition(" ")
        return cls(
            status=int(status),
            reason=reason,
            interim=tuple(data.get("interim", ())),
            fields=_fields(fields),
            body=data["body"],
            whole=data.get("whole", True),
            arrivals=tuple(map(Arrival.from_json, data["arrivals"])),
        )


def _fields(lines: list[str]) -> tuple[Field, ...]:
    return tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))

"""Readers of single values: durations, ports, hosts, addresses, regular expressions, ....

Each takes a node and gives the value, or raises :exc:`~.message.FieldError` with the remedy.  The
rules are those of Istio's validation (pkg/config/validation): it refuses what is refused here.
"""

import ipaddress
import re
from decimal import Decimal
from functools import cache
from typing import Any

import re2

from .document import Node
from .message import FieldError, expect

__all__ = [
    "check_domain",
    "compile_regex",
    "count",
    "domain",
    "duration",
    "host_name",
    "ip_address",
    "label_name",
    "port_number",
    "positive_duration",
    "regex_text",
]

_UNITS = {
    unit: Decimal(seconds)
    for unit, seconds in {
        "ns": "1e-9", "us": "1e-6", "µs": "1e-6", "μs": "1e-6",
        "ms": "1e-3", "s": "1", "m": "60", "h": "3600",
    }.items()
}  # fmt: skip
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)

_LABEL = "[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.ASCII)
_NAME = re.compile(_LABEL, re.ASCII)

MAX_REGEX = 1024
"""Istio refuses longer regular expressions, for Envoy's limit on the program's size."""


def duration(node: Node) -> float:
    """Seconds, from a duration as Go writes it: ``1.5s``, ``2m30s``, ``250ms``, ``0s``."""
    text = expect(node, str)
    seconds = Decimal(0)
    end = 0
    for part in _DURATION_PART.finditer(text):
        if part.start() != end or len(part[1]) > 12:
            break
        seconds += Decimal(part[1]) * _UNITS[part[2]]
        end = part.end()
    if end != len(text) or not text:
        raise FieldError(f"{text!r} is not a duration", "write it as 250ms, 1.5s, 2m or 1h")
    if seconds * 1000 % 1:
        raise FieldError(f"{text!r} is finer than a millisecond", "round it to milliseconds")
    return float(seconds)


def positive_duration(node: Node) -> float:
    """A duration of at least a millisecond."""
    seconds = duration(node)
    if not seconds:
        raise FieldError("the duration must be at least 1ms", "leave the field out for no limit")
    return seconds


def count(node: Node) -> int:
    """A number from 0 to the largest that Envoy holds in 31 bits."""
    return _ranged(node, 0, 2**31 - 1)


def port_number(node: Node) -> int:
    return _ranged(node, 1, 65535)


def _ranged(node: Node, low: int, high: int) -> int:
    number = expect(node, int)
    if not low <= number <= high:
        raise FieldError(f"{number} is not between {low} and {high}")
    return number


def host_name(node: Node) -> str:
    """A host without wildcard: ``products-svc``, ``api.example.com``."""
    text = expect(node, str)
    if len(text) > 253 or not _HOST.fullmatch(text):
        raise FieldError(f"{text!r} is not a host name")
    return text


def domain(node: Node) -> str:
    """A host, ``*.`` and a host, or ``*`` alone."""
    return check_domain(expect(node, str))


def check_domain(text: str) -> str:
    """The same of a part of a value."""
    if text == "*" or _HOST.fullmatch(text.removeprefix("*.")):
        return text
    if text.startswith("*") and _HOST.fullmatch(text.lstrip("*-")):
        raise FieldError(
            f"a wildcard for a part of a label, {text!r}, is not supported yet",
            "write '*.' and a host name",
        )
    remedy = "leave the port out" if ":" in text else "write a host name, '*.example.com' or '*'"
    raise FieldError(f"{text!r} is not a host", remedy)


def label_name(node: Node) -> str:
    """A name as Kubernetes allows it for subsets and ports."""
    text = expect(node, str)
    if not _NAME.fullmatch(text):
        raise FieldError(f"{text!r} is not a name", "use letters, digits and '-', 63 at most")
    return text


def ip_address(node: Node) -> str:
    text = expect(node, str)
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    if text.startswith("unix://"):
        raise FieldError(
            "endpoints on Unix domain sockets are not supported yet", "use an IP address"
        )
    raise FieldError(f"{text!r} is not an IP address", "resolution STATIC needs IP addresses")


def regex_text(node: Node) -> str:
    """The source of a regular expression in RE2's syntax."""
    text = expect(node, str)
    if not text:
        raise FieldError("a regular expression must not be empty", "write .* for any string")
    if len(text) > MAX_REGEX:
        raise FieldError(f"the regular expression is longer than {MAX_REGEX} characters")
    try:
        compile_regex(text)
    except re2.error as error:
        detail = error.args[0] if error.args else ""
        detail = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else detail
        raise FieldError(
            f"not a regular expression: {detail}",
            "write it in RE2's syntax (no look-around, no back-references)",
        ) from None
    return text


@cache
def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    return options


def compile_regex(text: str) -> Any:
    """The expression compiled; raises :exc:`re2.error`."""
    return re2.compile(text, options=_options())

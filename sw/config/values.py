"""Readers of single values: durations, ports, hosts, addresses, regular expressions, ....

Each takes a node and gives the value, or raises :exc:`~.message.FieldError` with the remedy.  The
rules are those of Istio's validation (pkg/config/validation): it refuses what is refused here.
"""

import ipaddress
import math
import re
from decimal import Decimal
from functools import cache
from typing import Any

import re2

from .document import Node
from .message import FieldError, expect
from .template import TemplateError, parse_template

__all__ = [
    "TOKEN",
    "check_domain",
    "compile_regex",
    "count",
    "domain",
    "duration",
    "endpoint_address",
    "field_name",
    "field_text",
    "field_value",
    "host_name",
    "is_ip_address",
    "label_name",
    "number",
    "percentage",
    "port_number",
    "positive_duration",
    "regex_text",
    "seconds",
    "status_code",
    "target_text",
    "whole_percentage",
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
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
"""RFC 9110, 5.6.2: what names of methods and fields are made of."""

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


def seconds(node: Node) -> int:
    """A duration of whole seconds, at least one."""
    exact = positive_duration(node)
    if exact % 1:
        raise FieldError("the duration must be of whole seconds", "round it")
    return int(exact)


def number(node: Node) -> float:
    """A number, with or without a fraction."""
    value = node.value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise FieldError(f"expected a number, found {node.kind}", "write it in digits, without quotes")


def percentage(node: Node) -> float:
    """The share (0 to 1) that a percentage stands for, cut to millionths as Istio does it."""
    value = number(node)
    if not 0 <= value <= 100 or 0 < value < 0.0001:
        raise FieldError(f"{value} is not a percentage: 0, or from 0.0001 to 100")
    return int(value * 10_000) / 1_000_000


def whole_percentage(node: Node) -> int:
    """A percentage without fraction, as a number from 0 to 100."""
    return _ranged(node, 0, 100)


def status_code(node: Node) -> int:
    """A status that a response may have; Envoy takes no others."""
    return _ranged(node, 200, 599)


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


def field_name(node: Node) -> str:
    """The name of a header field."""
    text = expect(node, str)
    if not TOKEN.fullmatch(text):
        raise FieldError(f"{text!r} is not a header name")
    return text


def field_text(node: Node) -> str:
    """What may stand in a head: text without control characters."""
    text = expect(node, str)
    if _CONTROLS.search(text):
        raise FieldError("a control character cannot stand in a head", "remove it")
    return text


def target_text(node: Node) -> str:
    """What may stand in the target of a request: text without blanks, too."""
    text = field_text(node)
    if " " in text or "\t" in text:
        raise FieldError("a blank would end the path that the pod reads", "write %20")
    return text


def field_value(node: Node) -> str:
    """The value of a field that is set or added: text with Envoy's ``%COMMANDS%``."""
    text = field_text(node)
    try:
        parse_template(text)
    except TemplateError as error:
        raise FieldError(f"{text!r} cannot be made into a value: {error}") from None
    return text


def is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def endpoint_address(node: Node) -> str:
    """An IP address, in its short form, or the name of a host."""
    text = expect(node, str)
    if is_ip_address(text):
        return str(ipaddress.ip_address(text))
    if text.startswith("unix://"):
        raise FieldError(
            "endpoints on Unix domain sockets are not supported yet", "use an IP address"
        )
    if len(text) > 253 or not _HOST.fullmatch(text):
        raise FieldError(f"{text!r} is neither an IP address nor a host name")
    return text


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

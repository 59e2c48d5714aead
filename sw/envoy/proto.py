"""Small messages that many parts of Envoy's configuration are made of, as JSON has them."""

from typing import Any

from ..config.model import MatchKind, StringMatch

__all__ = ["Json", "duration", "fraction", "regex", "string_match", "typed"]

Json = dict[str, Any]


def typed(name: str, **fields: Any) -> Json:
    """A ``google.protobuf.Any`` that holds the message *name*."""
    return {"@type": f"type.googleapis.com/{name}", **fields}


def duration(seconds: float | None) -> str:
    """None: 0, which is no limit wherever Istio writes it."""
    return f"{seconds or 0:.6f}s"


def fraction(share: float) -> Json:
    """``RuntimeFractionalPercent``; Istio cuts what is below a millionth."""
    return {"default_value": fractional_percent(share)}


def fractional_percent(share: float) -> Json:
    return {"numerator": int(share * 1_000_000), "denominator": "MILLION"}


def regex(text: str) -> Json:
    return {"regex": text}


def string_match(match: StringMatch) -> Json:
    if match.kind is MatchKind.REGEX:
        return {"safe_regex": regex(match.value)}
    return {match.kind.value: match.value}

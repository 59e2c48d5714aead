"""JSON lines of ``hybridmesh explain --batch``: questions in, answers out, one for one."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..explain import Explanation

__all__ = ["Line"]


@dataclass(frozen=True)
class Line:
    """One question: its ``id``, which the answer repeats, and the ``head``; or the ``error`` for
    which there is no head."""

    id: Any
    head: bytes = b""
    error: str | None = None

    @classmethod
    def parse(cls, text: bytes) -> "Line":
        """The question that *text* asks."""
        try:
            asked = json.loads(text)
        except (ValueError, RecursionError):  # of JSON, of UTF-8, of too deep a nesting
            return cls(None, error="the line is not JSON")
        if not isinstance(asked, dict):
            return cls(None, error="the line is not a JSON object")
        name, encoded = asked.get("id"), asked.get("head_b64")
        if not isinstance(encoded, str):
            return cls(name, error="head_b64 is missing, or is not a string")
        try:
            return cls(name, base64.b64decode(encoded, validate=True))
        except (binascii.Error, ValueError):
            return cls(name, error="head_b64 is not base64")

    def answer(self, explanation: "Explanation") -> str:
        """The line to print: *explanation*, which is empty where there was no head."""
        told = explanation.fields()
        return json.dumps({"id": self.id, **told, "error": self.error or explanation.error})

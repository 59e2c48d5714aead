"""Kubernetes' ``Secret``, as far as it holds certificates and keys."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from ..document import Node
from ..message import FieldError, Message, Read, expect

__all__ = ["Secret"]


def encoded(node: Node) -> bytes:
    """What is written in base64, lines broken anywhere; nothing is nothing, as in Kubernetes."""
    if node.value is None:
        return b""
    text = expect(node, str).replace("\r", "").replace("\n", "")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise FieldError("not base64", "encode the bytes, or put them into 'stringData'") from None


@dataclass(frozen=True)
class Secret(Message, rest="certificates and keys are all that is taken from it"):
    """A certificate, the CAs that are trusted, or both; ``stringData`` goes before ``data``."""

    data: Mapping[str, Annotated[bytes, Read(encoded)]] | None = field(default=None, repr=False)
    string_data: Mapping[str, str] | None = field(default=None, repr=False)

    def part(self, name: str) -> bytes:
        """What stands under *name*; empty: nothing."""
        text = (self.string_data or {}).get(name)
        return (self.data or {}).get(name, b"") if text is None else text.encode()

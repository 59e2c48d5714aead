"""Istio's ``HTTPRedirect`` and ``HTTPDirectResponse``: routes that need no pod."""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated

from ..document import Node
from ..message import Choice, Differs, FieldError, Message, Read, expect
from ..model import DirectResponse, Redirect
from ..values import field_text, port_number, status_code

__all__ = ["HttpBody", "HttpDirectResponse", "HttpRedirect"]

_MAX_BODY = 1024 * 1024
"""Istio's limit, which it tells Envoy too."""

_CODES = (301, 302, 303, 307, 308)
_DEFAULT_PORTS = {"http": 80, "https": 443}


Bytes = bytes  # which is also the name of a field


def moving_status(node: Node) -> int:
    code = expect(node, int)
    if code == 0:  # protobuf's way of saying nothing
        return 301
    if code not in _CODES:
        raise FieldError(
            f"{code} is not a redirect that Envoy knows", f"use {', '.join(map(str, _CODES))}"
        )
    return code


def base64_bytes(node: Node) -> bytes:
    try:
        return base64.b64decode(expect(node, str), validate=True)
    except (binascii.Error, ValueError):
        raise FieldError("not base64", "encode the bytes, or use 'string'") from None


@dataclass(frozen=True)
class HttpRedirect(Message, name="HTTPRedirect", one_of=("port derivePort",)):
    """Tell the client to ask elsewhere."""

    uri: Annotated[str, Read(field_text)] = ""
    authority: Annotated[str, Read(field_text)] = ""
    port: Annotated[int, Read(port_number)] | None = None
    derive_port: (
        Annotated[
            bool,
            Read(Choice({"FROM_PROTOCOL_DEFAULT": False, "FROM_REQUEST_PORT": True})),
        ]
        | None
    ) = None
    scheme: Annotated[str, Read(Choice({"": "", "http": "http", "https": "https"}))] = ""
    redirect_code: Annotated[
        int, Read(moving_status), Differs("300, 304 and others are refused; Istio drops the route")
    ] = 301

    def check(self) -> None:
        port = self.port is not None or self.derive_port is not None
        if not (self.uri or self.authority or self.scheme or port):
            raise FieldError(
                "the redirect says nothing of where to",
                "give it a 'uri', 'authority', 'scheme' or 'port'",
            )

    def action(self, listener_port: int, *, secure: bool) -> Redirect:
        """The redirect of a listener at *listener_port*, with TLS if it is *secure*."""
        port = self.port or (listener_port if self.derive_port else 0)
        if port == _DEFAULT_PORTS[self.scheme or ("https" if secure else "http")]:
            port = 0
        return Redirect(
            authority=self.authority,
            path=self.uri,
            scheme=self.scheme,
            port=port,
            code=self.redirect_code,
        )


@dataclass(frozen=True)
class HttpBody(Message, name="HTTPBody", one_of=("string bytes",)):
    """What a response says."""

    string: str | None = None
    bytes: Annotated[Bytes, Read(base64_bytes)] | None = None

    @property
    def content(self) -> Bytes:
        return self.string.encode() if self.string is not None else self.bytes or b""

    def check(self) -> None:
        if len(self.content) > _MAX_BODY:
            raise FieldError("the body is longer than 1 MB", "let a pod serve it")


@dataclass(frozen=True)
class HttpDirectResponse(Message, name="HTTPDirectResponse"):
    """Answer without asking a pod."""

    status: Annotated[int, Read(status_code)]
    body: HttpBody | None = None

    @property
    def action(self) -> DirectResponse:
        return DirectResponse(self.status, self.body.content if self.body else b"")

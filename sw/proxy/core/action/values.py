"""Values of the command operators in fields that routes add (``%REQ(x-user)%``)."""

import socket
from datetime import UTC, datetime
from typing import Protocol

from hybridmesh.config.model import Endpoint
from hybridmesh.config.template import Command
from hybridmesh.reference.head import JOINED

from ..flags import spell
from . import lines
from .rewrite import target_of

__all__ = ["Subject", "Values"]


class Subject(Protocol):
    """What the values are of: a request on its way, and what is known of its answer."""

    @property
    def status(self) -> int: ...

    @property
    def flags(self) -> int: ...

    @property
    def details(self) -> str: ...

    @property
    def attempts(self) -> int: ...

    @property
    def minor(self) -> int: ...

    @property
    def wall(self) -> float:
        """When it came, in seconds since 1970."""

    @property
    def cluster_name(self) -> str: ...

    @property
    def scheme(self) -> str: ...

    @property
    def endpoint(self) -> Endpoint | None:
        """The pod."""

    @property
    def peer(self) -> tuple[str, int]: ...

    @property
    def local(self) -> tuple[str, int]: ...


class Values:
    """Looks commands up; an :data:`~.edit.Ask`.

    Parameters
    ----------
    subject : Subject
    request : bytes or None
        The request's head, where the values are for a response; None: they are for a request, and
        ``REQ`` looks at that.
    """

    __slots__ = ("_request", "_subject")

    def __init__(self, subject: Subject, request: bytes | None = None) -> None:
        self._subject = subject
        self._request = request

    def __call__(self, command: Command, head: bytes) -> str:
        if command.name == "REQ":
            request = head if self._request is None else self._request
            return self._first(command, request)
        if command.name == "RESP":
            return "" if self._request is None else self._first(command, head)
        return self._known(command.name)

    def _known(self, name: str) -> str:
        subject = self._subject
        match name:
            case "PROTOCOL":
                return f"HTTP/1.{subject.minor}"
            case "RESPONSE_CODE":
                return str(subject.status)
            case "RESPONSE_CODE_DETAILS":
                return subject.details
            case "RESPONSE_FLAGS":
                return spell(subject.flags)
            case "UPSTREAM_CLUSTER":
                return subject.cluster_name
            case "UPSTREAM_HOST" | "UPSTREAM_REMOTE_ADDRESS":
                return "" if subject.endpoint is None else str(subject.endpoint)
            case "UPSTREAM_REQUEST_ATTEMPT_COUNT":
                return str(subject.attempts)
            case "HOSTNAME":
                return socket.gethostname()
            case "START_TIME":
                started = datetime.fromtimestamp(subject.wall, UTC)
                return started.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        side, _, form = name.replace("_DIRECT", "").removeprefix("DOWNSTREAM_").partition("_")
        host, port = subject.local if side == "LOCAL" else subject.peer
        if form == "PORT":
            return str(port)
        address = f"[{host}]" if ":" in host else host
        return host if form.endswith("WITHOUT_PORT") else f"{address}:{port}"

    def _first(self, command: Command, head: bytes) -> str:
        """The first of the command's fields that *head* has."""
        for name in command.fields:
            text = self._pseudo(name, head) if name[0] == ":" else _value(head, name)
            if text:
                return text
        return ""

    def _pseudo(self, name: str, head: bytes) -> str:
        """What HTTP/1 has in the request line, or in Host (RFC 9113, 8.3.1)."""
        match name:
            case ":method":
                return head[: head.index(b" ")].decode("latin-1")
            case ":path":
                return target_of(head)
            case ":authority":
                return lines.value(head, "host")
            case ":scheme":
                return self._subject.scheme
            case _:
                return ""


def _value(head: bytes, name: str) -> str:
    """Of repeated lines the first, but for those that Envoy keeps as one."""
    return lines.value(head, name) if name in JOINED else lines.first(head, name)

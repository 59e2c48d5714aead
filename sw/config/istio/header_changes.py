"""Istio's ``Headers``: fields that are set, added and removed on the way to the pod and back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from ..message import Differs, FieldError, Message, Read
from ..model import HeaderChange, HeaderOps
from ..values import TOKEN, field_name, field_value

__all__ = ["HeaderOperations", "Headers"]

_AUTHORITY = ("host", ":authority")
_FRAMING = frozenset(("connection", "content-length", "transfer-encoding", "upgrade"))
"""Fields that say where messages end, and what the connection is for (RFC 9112, 6 and 9)."""

FieldValue = Annotated[str, Read(field_value)]


@dataclass(frozen=True)
class HeaderOperations(Message):
    """Changes to one head; ``Host`` among those of a request means its authority."""

    set: (
        Annotated[Mapping[str, FieldValue], Differs("not all of Envoy's commands are known")] | None
    ) = None
    add: (
        Annotated[Mapping[str, FieldValue], Differs("not all of Envoy's commands are known")] | None
    ) = None
    remove: tuple[Annotated[str, Read(field_name)], ...] = ()

    def check(self) -> None:
        for name in self.remove:
            if name.lower() == "host":
                raise FieldError("Host cannot be removed", "set it instead")
        names = [*(self.set or ()), *(self.add or ())]
        if framing := _FRAMING.intersection(map(str.lower, (*names, *self.remove))):
            raise FieldError(
                f"{min(framing)!r} is the gateway's own: it says where a message ends",
                "remove it from the changes",
            )
        for name in names:
            if name.lower() not in _AUTHORITY and not TOKEN.fullmatch(name):
                raise FieldError(f"{name!r} is not a header name")

    @property
    def change(self) -> HeaderChange:
        return HeaderChange(
            set=tuple(_fields(self.set)),
            add=tuple(_fields(self.add)),
            remove=tuple(name.lower() for name in self.remove),
        )

    @property
    def authorities(self) -> list[str]:
        """The values of ``Host``; that which counts first."""
        pairs = [*(self.set or {}).items(), *(self.add or {}).items()]
        return [value for name, value in pairs if name.lower() in _AUTHORITY]


def _fields(values: Mapping[str, str] | None) -> Iterator[tuple[str, str]]:
    """Names in lower case, in the order in which Istio writes them for Envoy."""
    for name, value in sorted((values or {}).items()):
        if name.lower() not in _AUTHORITY:
            yield name.lower(), value


@dataclass(frozen=True)
class Headers(Message):
    """Changes to the heads of requests and of responses."""

    request: HeaderOperations | None = None
    response: HeaderOperations | None = None

    def check(self) -> None:
        if self.response is not None and self.response.authorities:
            raise FieldError(
                "a response has no Host", "remove it from 'response'", self.response.node
            )

    @property
    def ops(self) -> HeaderOps:
        return HeaderOps(
            request=self.request.change if self.request else HeaderChange(),
            response=self.response.change if self.response else HeaderChange(),
        )

    @property
    def authorities(self) -> list[str]:
        """What the request's host shall be; that which counts first."""
        return self.request.authorities if self.request else []

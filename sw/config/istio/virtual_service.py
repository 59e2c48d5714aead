"""Istio's ``VirtualService``: which requests go where, and what happens to them on the way."""

from dataclasses import dataclass
from typing import Annotated

from ..message import Also, Differs, FieldError, Message, Read
from ..names import host_within
from ..values import domain, duration, label_name, whole_percentage
from .answers import HttpDirectResponse, HttpRedirect
from .cors import Cors
from .destinations import Destination, MirrorPolicy, Percent, WeightedDestination
from .faults import HttpFault
from .header_changes import Headers
from .matches import HttpMatch, gateway_name
from .retries import Retries
from .rewrite import HttpRewrite

__all__ = ["Delegate", "HttpRoute", "VirtualService"]


@dataclass(frozen=True)
class Delegate(Message):
    """A VirtualService without hosts, whose routes take the place of the entry."""

    name: Annotated[str, Read(label_name)]
    namespace: str = ""


@dataclass(frozen=True)
class HttpRoute(
    Message,
    name="HTTPRoute",
    one_of=("redirect directResponse route", "redirect rewrite", "mirror mirrors"),
):
    """An entry of ``http``."""

    name: str = ""
    match: tuple[HttpMatch, ...] = ()
    route: tuple[WeightedDestination, ...] = ()
    redirect: HttpRedirect | None = None
    direct_response: HttpDirectResponse | None = None
    delegate: Delegate | None = None
    rewrite: HttpRewrite | None = None
    timeout: Annotated[float, Read(duration)] | None = None
    retries: Retries | None = None
    fault: HttpFault | None = None
    mirror: Destination | None = None
    mirrors: tuple[MirrorPolicy, ...] = ()
    mirror_percentage: Percent | None = None
    mirror_percent: Annotated[int, Read(whole_percentage), Also("mirror_percent")] | None = None
    cors_policy: Cors | None = None
    headers: Headers | None = None

    def check(self) -> None:
        if self.delegate is not None:
            if self.route or self.redirect:
                raise FieldError(
                    "an entry with 'delegate' has no route of its own", "keep one of them"
                )
        elif not (self.route or self.redirect or self.direct_response):
            raise FieldError(
                "the http entry has no 'route'",
                "add 'route' with a destination, 'redirect' or 'directResponse'",
            )
        elif not self.route:
            self._check_answer("redirect" if self.redirect else "directResponse")
        if len(self.route) > 1 and not sum(target.weight or 0 for target in self.route):
            raise FieldError(
                "the weights of the destinations add up to 0",
                "give each destination its 'weight'; one without gets no request",
            )
        self._check_authority()

    def _check_answer(self, action: str) -> None:
        for key, value in (("fault", self.fault), ("rewrite", self.rewrite)):
            if value is not None:
                raise FieldError(f"{action!r} and {key!r} do not go together", f"remove {key!r}")

    def _check_authority(self) -> None:
        hosts = self.headers.authorities if self.headers else []
        if self.rewrite and self.rewrite.authority:
            hosts = [self.rewrite.authority, *hosts]
        if len(hosts) > 1:
            raise FieldError(
                f"the host is set twice, to {hosts[0]!r} and to {hosts[1]!r}", "keep one of them"
            )


@dataclass(frozen=True)
class VirtualService(
    Message,
    not_done={
        "tcp": "this gateway speaks HTTP",
        "tls": "this gateway speaks HTTP",
    },
):
    """Without hosts it is a delegate of others."""

    hosts: Annotated[
        tuple[Annotated[str, Read(domain)], ...], Differs("a wildcard stands for whole labels")
    ] = ()
    http: tuple[HttpRoute, ...] = ()
    gateways: tuple[Annotated[str, Read(gateway_name)], ...] = ()
    export_to: tuple[str, ...] = ()

    def check(self) -> None:
        if not self.http:
            raise FieldError("the VirtualService has no routes", "add 'http'")
        if not self.hosts:
            self._check_delegate()
        for index, host in enumerate(self.hosts):
            for other in self.hosts[:index]:
                if host_within(host, other) or host_within(other, host):
                    raise FieldError(
                        f"the hosts {other!r} and {host!r} overlap",
                        "remove the narrower, or give it a VirtualService of its own",
                    )

    def _check_delegate(self) -> None:
        if self.gateways:
            raise FieldError(
                "the VirtualService has no hosts",
                "add 'hosts', or remove 'gateways' if others delegate to it",
            )
        for entry in self.http:
            if entry.delegate is not None:
                raise FieldError(
                    "a delegate cannot delegate further", "name the last one", entry.delegate.node
                )

    @property
    def bound_to(self) -> tuple[str, ...]:
        """The gateways it is for."""
        return self.gateways or ("mesh",)

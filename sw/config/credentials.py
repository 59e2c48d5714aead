"""Certificates by ``credentialName``: the Secrets of the YAML, and which part of them is what.

The names of the parts are those of Istio's gateways: ``tls.crt`` and ``tls.key``, ``ca.crt`` and
``ca.crl`` as Kubernetes has them, and before these its own ``cert`` and ``key``, ``cacert`` and
``crl``.  CAs may also stand in a Secret of their own, ``NAME-cacert``.

Istio asks the namespace in which the gateway's pods run; that is not in the YAML, and so a name may
be used in one namespace only.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from .document import Node
from .findings import Report
from .istio.secret import Secret
from .message import BrokenError, FieldError
from .model import Certificate, Location, Pem, Source
from .resource import Resource, Resources

__all__ = ["Credentials"]

_PAIRS = (("cert", "key"), ("tls.crt", "tls.key"))
_AUTHORITIES = ("cacert", "ca.crt")
_REVOKED = ("crl", "ca.crl")
_SUFFIX = "-cacert"

T = TypeVar("T")


class Credentials:
    """The Secrets among *resources*."""

    def __init__(self, resources: Resources) -> None:
        self._complete = resources.complete
        self._by_name: dict[str, list[Resource[Secret]]] = {}
        for secret in resources.of(Secret):
            self._by_name.setdefault(secret.name, []).append(secret)
        self._used: set[Location] = set()

    def resolve(self, node: Node, make: Callable[["Credentials"], T], report: Report) -> T | None:
        """What *make* does with them for the message at *node*; None where something is missing,
        as *report* says then."""
        try:
            return make(self)
        except FieldError as wrong:
            report.error(node.location, wrong.message, wrong.remedy)
        except BrokenError:
            pass
        return None

    def certificate(self, name: str) -> Certificate:
        """The certificate called *name*, with its key.

        Raises
        ------
        FieldError
            Where there is none.
        """
        secret = self._secret(name, "with 'tls.crt' and 'tls.key'")
        for chain, key in _PAIRS:
            if secret.spec.part(chain) and secret.spec.part(key):
                return Certificate(_pem(secret, chain), _pem(secret, key))
        raise FieldError(
            f"{secret} at {secret.location} holds no certificate with its key",
            "give it 'tls.crt' and 'tls.key'",
        )

    def authorities(self, name: str) -> tuple[Pem, Source]:
        """The CAs called *name*, and their lists of revoked certificates, if any.

        Raises
        ------
        FieldError
            Where there are none.
        """
        own = name + _SUFFIX
        secret = self._secret(own if own in self._by_name else name, "with 'ca.crt'")
        revoked = _first(secret, _REVOKED)
        authorities = _first(secret, _AUTHORITIES)
        if authorities is None:
            raise FieldError(
                f"{secret} at {secret.location} does not say which CAs are to be trusted",
                f"give it 'ca.crt', or add a Secret {own!r} with one",
            )
        return authorities, revoked or ""

    def note_unused(self, report: Report) -> None:
        """Say which Secrets nobody has asked for."""
        for secrets in self._by_name.values():
            for secret in secrets:
                if secret.location not in self._used:
                    report.note(secret.location, f"{secret} is not used")

    def _secret(self, name: str, content: str) -> Resource[Secret]:
        found = self._by_name.get(name, [])
        self._used.update(secret.location for secret in found)
        if len(found) == 1:
            return found[0]
        if found:
            raise FieldError(
                f"{len(found)} Secrets are called {name!r} "
                f"({', '.join(str(secret.location) for secret in found)})",
                "keep the one of the namespace in which the gateway runs",
            )
        if not self._complete:
            raise BrokenError  # it may stand where something could not be read
        raise FieldError(
            f"there is no Secret {name!r} in what has been read",
            f"add it, {content}, or name files instead of a credential",
        )


def _first(secret: Resource[Secret], names: Iterable[str]) -> Pem | None:
    return next((_pem(secret, name) for name in names if secret.spec.part(name)), None)


def _pem(secret: Resource[Secret], part: str) -> Pem:
    return Pem(secret.spec.part(part), f"{secret}: {part}")

"""The hash of a request, by which a consistent balancer chooses: route hash policies, as Envoy
evaluates them, on the head as it goes to the pod.

Each policy that finds something adds the XXH64 of it: exclusive-or with the hash so far, rotated
left by one bit, so that the order counts and equal policies do not cancel each other.
"""

import re
from collections.abc import Callable, Sequence

from xxhash import xxh64_intdigest

from hybridmesh.config.model import (
    CookieHash,
    FieldHash,
    HashPolicy,
    ParameterHash,
    SourceAddressHash,
)
from hybridmesh.reference.head import JOINED

__all__ = ["Hasher", "set_cookie"]

Address = tuple[str, int]

_MASK = 2**64 - 1


class Hasher:
    """The hash policies of a route.

    Parameters
    ----------
    policies : sequence of HashPolicy
    """

    __slots__ = ("_cookies", "_finders")

    def __init__(self, policies: Sequence[HashPolicy]) -> None:
        self._finders = [_finder(policy) for policy in policies]
        self._cookies = [
            policy if isinstance(policy, CookieHash) and policy.ttl is not None else None
            for policy in policies
        ]

    def hash(self, head: bytes, peer: Address, local: Address) -> tuple[int | None, bytes]:
        """The hash, None where no policy finds anything; and lines for the response that set the
        cookies which the client should have had.

        *head* has no empty line at its end; *peer* and *local* are the ends of the client's
        connection.
        """
        result = None
        lines = b""
        for find, cookie in zip(self._finders, self._cookies, strict=True):
            found = find(head, peer)
            if found is None and cookie is not None:
                value, line = set_cookie(cookie, peer, local)
                found = xxh64_intdigest(value)
                lines += line
            if found is not None:
                before = 0 if result is None else (result << 1 | result >> 63) & _MASK
                result = before ^ found
        return result, lines


def set_cookie(policy: CookieHash, peer: Address, local: Address) -> tuple[bytes, bytes]:
    """Value of a cookie for a client that has none, and the line that gives it to the client.

    All of a connection's requests get the same value.
    """
    value = b"%016x" % xxh64_intdigest(_spell(peer) + _spell(local))
    line = b'set-cookie: %b="%b"' % (policy.name.encode(), value)
    if policy.ttl is not None and int(policy.ttl):
        line += b"; Max-Age=%d" % int(policy.ttl)
    if policy.path:
        line += b"; Path=%b" % policy.path.encode()
    return value, line + b"; HttpOnly\r\n"


def _spell(address: Address) -> bytes:
    host, port = address
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}").encode()


Finder = Callable[[bytes, Address], int | None]


def _finder(policy: HashPolicy) -> Finder:
    """The hash of what *policy* is about, of a head and who sent it; None: there is none."""
    match policy:
        case FieldHash(name):
            return _field(name)
        case CookieHash(name):
            return _cookie(name.encode())
        case ParameterHash(name):
            return _parameter(name.encode())
        case SourceAddressHash():
            return lambda head, peer: xxh64_intdigest(peer[0].encode())


def _lines(name: str) -> re.Pattern[bytes]:
    """Values of the lines of a field, white space around them taken off."""
    return re.compile(rb"\r\n%b:[ \t]*+([^\r]*?)[ \t]*+(?=\r)" % re.escape(name.encode()), re.I)


def _field(name: str) -> Finder:
    word = {":method": 0, ":path": 1}.get(name)
    if word is not None:
        return lambda head, peer: xxh64_intdigest(head.split(b" ", 2)[word])
    lines = _lines("host" if name == ":authority" else name)

    def find(head: bytes, peer: Address) -> int | None:
        values: list[bytes] = lines.findall(head)
        if not values:
            return None
        if name in JOINED:
            values = [b",".join(values)]
        result = 0
        for value in sorted(values):
            result = xxh64_intdigest(value, result)  # each is the next one's seed
        return result

    return find


def _cookie(name: bytes) -> Finder:
    lines = _lines("cookie")

    def find(head: bytes, peer: Address) -> int | None:
        for line in lines.findall(head):
            for cookie in line.split(b";"):
                key, equals, value = cookie.lstrip(b" ").partition(b"=")
                if equals and key == name:
                    if len(value) > 1 and value[:1] == value[-1:] == b'"':
                        value = value[1:-1]
                    return xxh64_intdigest(value) if value else None
        return None

    return find


def _parameter(name: bytes) -> Finder:
    def find(head: bytes, peer: Address) -> int | None:
        target = head.split(b" ", 2)[1]
        for parameter in target.partition(b"?")[2].split(b"&"):
            key, _, value = parameter.partition(b"=")
            if key == name:
                return xxh64_intdigest(value)
        return None

    return find

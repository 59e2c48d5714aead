"""Istio's ``LoadBalancerSettings``: which pod gets a request."""

from dataclasses import dataclass
from typing import Annotated

from ..document import Node
from ..message import Choice, Differs, FieldError, Message, Read, expect
from ..model import (
    Balancer,
    CookieHash,
    FieldHash,
    HashPolicy,
    LoadBalancing,
    ParameterHash,
    SourceAddressHash,
    Warmup,
)
from ..values import TOKEN, duration, field_name, number, positive_duration
from .locality_setting import LocalitySetting

__all__ = ["ConsistentHash", "HttpCookie", "LoadBalancer", "WarmupSetting"]

_MAX_RING = 8 * 1024 * 1024
_MAX_TABLE = 5_000_011
"""Envoy's limits."""

_BALANCERS: Choice[Balancer | None] = Choice(
    {
        "UNSPECIFIED": Balancer.LEAST_REQUEST,
        "LEAST_REQUEST": Balancer.LEAST_REQUEST,
        "LEAST_CONN": Balancer.LEAST_REQUEST,  # its deprecated name
        "ROUND_ROBIN": Balancer.ROUND_ROBIN,
        "RANDOM": Balancer.RANDOM,
        "PASSTHROUGH": None,
    }
)


def ring_size(node: Node) -> int:
    size = expect(node, int)
    if not 0 <= size <= _MAX_RING:
        raise FieldError(f"{size} is not between 0 and {_MAX_RING}")
    return size


def prime_size(node: Node) -> int:
    size = expect(node, int)
    if not 2 <= size < _MAX_TABLE or not _is_prime(size):  # Envoy dies of 1
        raise FieldError(f"{size} is not a prime number below {_MAX_TABLE}", "use 65537")
    return size


def _is_prime(value: int) -> bool:
    return value < 4 or all(value % factor for factor in (2, *range(3, int(value**0.5) + 1, 2)))


def least_share(node: Node) -> float:
    value = number(node)
    if not 0 <= value <= 100:
        raise FieldError(f"{value} is not a percentage: 0 to 100")
    return value / 100


def curve(node: Node) -> float:
    value = number(node)
    if value < 1:
        raise FieldError(f"{value} is less than 1", "1 lets the share grow evenly")
    return value


@dataclass(frozen=True)
class HttpCookie(
    Message,
    name="ConsistentHashLB.HTTPCookie",
    not_done={"attributes": "a cookie is made with Path, Max-Age and HttpOnly"},
):
    """Without ``ttl`` none is made for a request that has none; ``0s``: one for the session."""

    name: str
    path: str = ""
    ttl: Annotated[float, Read(duration)] | None = None

    def check(self) -> None:
        if not TOKEN.fullmatch(self.name):
            raise FieldError(f"{self.name!r} is not a name of a cookie")


@dataclass(frozen=True)
class RingHash(Message, name="ConsistentHashLB.RingHash"):
    """A ring of at least so many points."""

    minimum_ring_size: Annotated[int, Read(ring_size)] = 0


@dataclass(frozen=True)
class Maglev(Message, name="ConsistentHashLB.MagLev"):
    """A table with a prime number of entries."""

    table_size: Annotated[int, Read(prime_size)]


@dataclass(frozen=True)
class ConsistentHash(
    Message,
    name="ConsistentHashLB",
    one_of=(
        "httpHeaderName httpCookie useSourceIp httpQueryParameterName",
        "ringHash maglev minimumRingSize",
    ),
):
    """Requests that are alike go to the same pod; without a key, anywhere."""

    http_header_name: Annotated[str, Read(field_name)] | None = None
    http_cookie: HttpCookie | None = None
    use_source_ip: bool = False
    http_query_parameter_name: str | None = None
    ring_hash: RingHash | None = None
    maglev: Maglev | None = None
    minimum_ring_size: Annotated[int, Read(ring_size)] = 0

    def check(self) -> None:
        if self.http_query_parameter_name == "":
            raise FieldError("a query parameter without a name", "name it")

    @property
    def policy(self) -> HashPolicy | None:
        """What the route has to look at."""
        if self.http_header_name is not None:
            return FieldHash(self.http_header_name.lower())
        if self.http_cookie is not None:
            return CookieHash(self.http_cookie.name, self.http_cookie.path, self.http_cookie.ttl)
        if self.http_query_parameter_name is not None:
            return ParameterHash(self.http_query_parameter_name)
        return SourceAddressHash() if self.use_source_ip else None

    @property
    def balancing(self) -> LoadBalancing:
        if self.maglev is not None:
            return LoadBalancing(Balancer.MAGLEV, table_size=self.maglev.table_size)
        size = self.ring_hash.minimum_ring_size if self.ring_hash else self.minimum_ring_size
        if not size:
            return LoadBalancing(Balancer.RING_HASH)
        return LoadBalancing(Balancer.RING_HASH, minimum_ring_size=size)


@dataclass(frozen=True)
class WarmupSetting(Message, name="WarmupConfiguration"):
    """The share of a new pod grows over ``duration``."""

    duration: Annotated[float, Read(positive_duration)]
    minimum_percent: Annotated[float, Read(least_share)] = 0.1
    aggression: Annotated[float, Read(curve)] = 1.0

    @property
    def model(self) -> Warmup:
        return Warmup(self.duration, self.aggression, self.minimum_percent)


@dataclass(frozen=True)
class LoadBalancer(
    Message,
    name="LoadBalancerSettings",
    one_of=("simple consistentHash",),
):
    """``warmup`` is for LEAST_REQUEST and ROUND_ROBIN."""

    simple: Annotated[
        Balancer | None,
        Read(_BALANCERS),
        Differs("PASSTHROUGH answers 503, as it does at an ingress gateway of Istio"),
    ] = Balancer.LEAST_REQUEST
    consistent_hash: ConsistentHash | None = None
    locality_lb_setting: LocalitySetting | None = None
    warmup: WarmupSetting | None = None
    warmup_duration_secs: Annotated[float, Read(positive_duration)] | None = None

    @property
    def is_passthrough(self) -> bool:
        """To the address that the client has called: at a gateway that is the gateway itself."""
        return self.simple is None and self.consistent_hash is None

    @property
    def model(self) -> LoadBalancing:
        if self.consistent_hash is not None:
            return self.consistent_hash.balancing
        if self.simple not in (Balancer.LEAST_REQUEST, Balancer.ROUND_ROBIN):
            return LoadBalancing(self.simple or Balancer.LEAST_REQUEST)
        if self.warmup is not None:
            return LoadBalancing(self.simple, self.warmup.model)
        time = self.warmup_duration_secs
        return LoadBalancing(self.simple, Warmup(time) if time else None)

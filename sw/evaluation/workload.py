"""A workload: which routes there are, which requests come, which answers go back.

It is described here once.  Each gateway's configuration, the requests and the pods are made of it
(:mod:`.mesh`, :mod:`.peers`, :mod:`.pods`), so that all gateways do the same work.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["FULL", "HOST", "QUICK", "SERVICES", "Request", "Workload", "host", "prefix", "service"]

Kind = Literal["prefix", "header", "three", "regex", "hosts"]
"""What a route asks for: a path prefix; a header; a prefix, a method and a header; a regular
expression of the path; a host of its own and a prefix."""

HOST = "shop.example.com"
SERVICES = 4
"""Services that routes take turns to go to."""

_KINDS: dict[Kind, str] = {
    "prefix": "prefix route",
    "header": "header route",
    "three": "three-condition route",
    "regex": "regex route",
    "hosts": "virtual host",
}
_SWITCHES = {"tls": "TLS", "istio": "Istio-like, logged", "fresh": "fresh answers"}

_HEADS = 64
"""Different heads of a workload: no gateway gains by having seen the last one."""

_BROWSER = """\
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8
Accept-Language: en-GB,en;q=0.7,de;q=0.3
Accept-Encoding: gzip, deflate, br
Referer: https://shop.example.com/catalogue/
Sec-Fetch-Dest: document
Sec-Fetch-Mode: navigate
Sec-Fetch-Site: same-origin
Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=all{cookie}
Cache-Control: max-age=0
"""
_COOKIE = "".join(f"; seen{n:02d}=fedcba9876543210fedcba9876543210" for n in range(17))


@dataclass(frozen=True)
class Request:
    """One request, and the service that it must come to; *head* is all of it."""

    head: bytes
    service: int


@dataclass(frozen=True)
class Workload:
    """What is the same for all gateways.

    Attributes
    ----------
    hit : str
        The route that requests are for: the first, the last, or 64 of them in turn, spread evenly.
    head : str
        Of the requests: a host and nothing else, as a browser's, or with 700 bytes of cookies more.
    response : int
        Bytes of the answer's body.
    think : int
        Milliseconds that a connection waits before each request: all gateways have the same load
        then.  0: it asks again as soon as it is answered.
    tls : bool
        Clients speak TLS.
    istio : bool
        As in an Istio gateway: Envoy has the usual filters, and every gateway logs each request.
    fresh : bool
        Each answer has a field of its own, so that no gateway can know its head already.
    """

    kind: Kind = "prefix"
    routes: int = 100
    hit: Literal["first", "last", "all"] = "last"
    head: Literal["minimal", "browser", "cookies"] = "browser"
    response: int = 15
    connections: int = 32
    think: int = 0
    tls: bool = False
    istio: bool = False
    fresh: bool = False

    @property
    def name(self) -> str:
        words = [self.kind, str(self.routes), self.hit, self.head, f"{self.response}B"]
        words += [f"c{self.connections}"]
        words += [f"think{self.think}ms"] if self.think else []
        words += [word for word in ("tls", "istio", "fresh") if getattr(self, word)]
        return "-".join(words)

    @property
    def label(self) -> str:
        """For people; what is not said is as in most workloads."""
        usual = Workload()
        hit = f"{self.hit} hit" if self.hit != "all" else "64 of them hit"
        words = [f"{self.routes:,} {_KINDS[self.kind]}{'s' if self.routes > 1 else ''}, {hit}"]
        words += [f"{self.head} head"] if self.head != usual.head else []
        words += [f"answers of {self.response:,} B"] if self.response != usual.response else []
        if self.connections != usual.connections:
            words.append(f"{self.connections} connection{'s' if self.connections > 1 else ''}")
        words += [f"pauses of {self.think} ms"] if self.think else []
        words += [_SWITCHES[word] for word in _SWITCHES if getattr(self, word)]
        return "; ".join(words)

    def requests(self) -> Iterator[Request]:
        """The requests, which are sent in turn."""
        for number in range(_HEADS):
            route = self._target(number)
            yield Request(self._head(route, number), service(route))

    def _target(self, number: int) -> int:
        match self.hit:
            case "first":
                return 0
            case "last":
                return self.routes - 1
            case "all":
                return number * self.routes // _HEADS

    def _head(self, route: int, number: int) -> bytes:
        # The pods look at the query: one that is not meant refuses, and the run fails.
        method_and_path = f"GET {prefix(route)}items/{10000 + number}?pod={service(route)}"
        lines = [
            f"{method_and_path} HTTP/1.1",
            f"Host: {host(route) if self.kind == 'hosts' else HOST}",
        ]
        if self.kind in ("header", "three"):
            lines.append(f"X-User-Group: {route}")
        if self.head != "minimal":
            cookie = _COOKIE if self.head == "cookies" else ""
            lines += _BROWSER.format(cookie=cookie).splitlines()
        return "\r\n".join([*lines, "", ""]).encode()


def prefix(route: int) -> str:
    return f"/api/v1/service-{route:04d}/"


def host(route: int) -> str:
    """Of a virtual host, where each route has its own."""
    return f"h{route:04d}.example.com"


def service(route: int) -> int:
    return route % SERVICES


def _full() -> Iterator[Workload]:
    for routes in (1, 10, 100, 1000, 5000):
        if routes > 1:
            yield Workload(routes=routes, hit="first")
        yield Workload(routes=routes)
    yield Workload(hit="all")
    for kind in ("header", "three", "regex"):
        yield Workload(kind, 100)
        yield Workload(kind, 1000)
    yield Workload("hosts", 1000)
    yield Workload(istio=True)
    yield Workload(routes=1000, istio=True)
    yield Workload(head="minimal")
    yield Workload(head="cookies")
    yield Workload(response=1024)
    yield Workload(response=65536)
    yield Workload(connections=1)
    yield Workload(connections=256)
    yield Workload(fresh=True)
    yield Workload(think=16)
    yield Workload(tls=True)


FULL = tuple(_full())
QUICK = (Workload(), Workload(istio=True), Workload("three", 1000))

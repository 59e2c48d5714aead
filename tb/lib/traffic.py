"""Traffic: request heads that are right, nearly right and wrong, in frames that scapy builds.

The heads use the words of :func:`table`, so that many of them hit one of its rows.
"""

import random
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet, Raw

from hybridmesh.compiler import compile_table
from hybridmesh.config.model import (
    FieldMatch,
    Forward,
    Location,
    MatchKind,
    Route,
    RouteMatch,
    RouteTable,
    StringMatch,
    VirtualHost,
    WeightedCluster,
)
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.inband import PRIVATE
from hybridmesh.contract.table import TableImage
from hybridmesh.nic.frames import Connection

__all__ = [
    "PORT",
    "Client",
    "any_frame",
    "any_payload",
    "damaged",
    "head",
    "opened",
    "request",
    "segment",
    "spoofed",
    "table",
]

PORT = 80
"""The port that the NIC listens on."""

_METHODS = ("GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW")
_HOSTS = ("shop.example.com", "SHOP.example.com", "api.shop.example.com", "www.example.org", "x")
_PATHS = ("/", "/api", "/api/products", "/api/products/17", "/api/orders", "/static/a.css", "/v")
_FIELDS = (
    "User-Agent: curl/8.5.0",
    "Accept: */*",
    "Accept-Language: en-GB,en;q=0.7",
    "Connection: keep-alive",
    "Connection: close",
    "X-Canary: yes",
    "x-canary: always",
    "Cookie: session=0123456789abcdef; theme=dark",
    "X-Request-Id: 7",
    "Expect: 100-continue",
)
_BODIES = ("Content-Length: 3", "Content-Length: 0", "Transfer-Encoding: chunked")
_ODD = (b"\r", b"\n", b"\0", b"%", b"//", b"/../", b" ", b"\t", b":", b"\x80", b"\\", b"?", b"#")


def table(geometry: Geometry, canary: str = "yes") -> TableImage:
    """A table of every kind of row; *canary* is a header value that makes one unlike another."""
    exact, prefix, regex = MatchKind.EXACT, MatchKind.PREFIX, MatchKind.REGEX
    header = FieldMatch("x-canary", StringMatch(exact, canary))
    shop = _routes(
        RouteMatch(path=StringMatch(exact, "/api/products"), headers=(header,)),
        RouteMatch(path=StringMatch(prefix, "/api/products"), method=StringMatch(exact, "GET")),
        RouteMatch(path=StringMatch(regex, "/api/orders(/[0-9]+)?")),
        RouteMatch(path=StringMatch(prefix, "/static/")),
        RouteMatch(path=StringMatch(prefix, "/API", ignore_case=True)),
        RouteMatch(headers=(FieldMatch("cookie", StringMatch(regex, ".*dark.*")),)),
    )
    rest = _routes(
        RouteMatch(path=StringMatch(exact, "/v"), method=StringMatch(exact, "POST")),
        RouteMatch(path=StringMatch(prefix, "/x" + "y" * geometry.path_bytes)),
        RouteMatch(path=StringMatch(prefix, "/")),
    )
    hosts = (
        VirtualHost("shop", "shop.example.com", shop),
        VirtualHost("suffix", "*.example.com", rest),
        VirtualHost("rest", "*", rest[:1]),
    )
    return compile_table(RouteTable(PORT, hosts), geometry).image


def _routes(*matches: RouteMatch) -> tuple[Route, ...]:
    return tuple(
        Route(f"test/{n}", match, Forward((WeightedCluster("c"),)), Location("table", n + 1))
        for n, match in enumerate(matches)
    )


def head(rng: random.Random) -> bytes:
    """A request head as a client sends it."""
    lines = ((0.3, rng.choice(_BODIES)), (0.15, "x-empty:"))
    return _head(rng, *(line for share, line in lines if rng.random() < share))


def request(rng: random.Random) -> tuple[bytes, bytes]:
    """A head and its body; bodies like to look like heads."""
    if rng.random() < 0.4:
        return _head(rng), b""
    if rng.random() < 0.05:
        return _head(rng, "Transfer-Encoding: chunked"), b"5\r\nGET /\r\n0\r\n\r\n"
    body = b"".join(_head(rng) for _ in range(rng.choice((1, 1, 4))))
    body = body[: rng.choice((0, 1, 3, len(body), rng.randrange(len(body))))]
    return _head(rng, f"Content-Length: {len(body)}"), body


def _head(rng: random.Random, *lines: str) -> bytes:
    if rng.random() < 0.1:
        return "\r\n".join(["GET / HTTP/1.1", "Host: x", *lines, "", ""]).encode()
    path = rng.choice(_PATHS)
    if rng.random() < 0.3:
        path += rng.choice(("?", "?q=1&r=%20", "/" + "x" * rng.randrange(1, 90), "-_.~!$"))
    host = rng.choice(_HOSTS) + rng.choice(("", "", ":80", ":8080"))
    fields = [f"Host: {host}", *rng.sample(_FIELDS, rng.randrange(5)), *lines]
    rng.shuffle(fields)
    version = rng.choice(("1.1", "1.1", "1.1", "1.1", "1.0"))
    lines = (f"{rng.choice(_METHODS)} {path} HTTP/{version}", *fields, "", "")
    return "\r\n".join(lines).encode()


def any_payload(rng: random.Random) -> bytes:
    """A head, as it is or spoiled, with more behind it, or something else altogether."""
    kind = rng.random()
    data = head(rng)
    if kind < 0.45:
        return data
    if kind < 0.6:
        return data + rng.choice((b"abc", head(rng), b"\r\n", rng.randbytes(20)))
    if kind < 0.7:
        return data[: rng.randrange(1, len(data))]
    if kind < 0.9:
        for _ in range(rng.randrange(1, 3)):
            at = rng.randrange(len(data))
            odd = rng.choice(_ODD) if rng.random() < 0.7 else rng.randbytes(1)
            data = data[:at] + odd + data[at + rng.randrange(2) :]
        return data
    if kind < 0.95:
        return rng.choice((b"\r\n", b"\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) + data
    return rng.randbytes(rng.randrange(1, 200))


class Client:
    """Builds the frames of a TCP connection, under headers of any shape that is allowed.

    Tags, addresses, ports and options are the same in all of them.

    Parameters
    ----------
    rng : random.Random
    port : int
        That it goes to.
    ends : tuple of str or None
        Addresses that it comes from and goes to.
    source : int or None
        Port that it comes from.

    Attributes
    ----------
    connection : Connection
        As the software has it.
    """

    def __init__(
        self,
        rng: random.Random,
        port: int = PORT,
        ends: tuple[str, str] | None = None,
        source: int | None = None,
    ) -> None:
        self._rng, self._port = rng, port
        self._ends = _ends(rng) if ends is None else ends
        self._source = rng.randrange(65536) if source is None else source
        below = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")
        for tag in rng.choice(_TAGS):
            below /= tag(vlan=rng.randrange(4096))
        origin, destination = self._ends
        if ":" in origin:
            below /= IPv6(src=origin, dst=destination, hlim=rng.randrange(256))
            for extension in rng.choice(_EXTENSIONS):
                below /= extension(rng)
        else:
            options = b"\1" * rng.choice((0, 0, 0, 4, 40))
            below /= IP(src=origin, dst=destination, options=options, ttl=rng.randrange(256))
        self._below = below
        self.connection = Connection((origin, self._source), (destination, port))
        self._options = [("NOP", None)] * rng.choice((0, 0, 4, 12, 40))

    def twin(self) -> "Client":
        """Another connection, of the same hash."""
        return Client(self._rng, self._port, self._ends[::-1], self._source)

    def neighbour(self) -> "Client":
        """Another connection, of another hash, but of the same set in a table of eight sets."""
        address = ip_address(self._ends[0])
        flipped = int(address) ^ 0b1001 << self._rng.randrange(29)
        return Client(
            self._rng, self._port, (str(type(address)(flipped)), self._ends[1]), self._source
        )

    def opening(self, seq: int, flags: str = "S") -> bytes:
        """The frame that opens the connection, or one without payload and with other *flags*; the
        next byte's sequence number is *seq*."""
        return self.segment(seq - 1, b"", flags)

    def segment(self, seq: int, payload: bytes, flags: str = "PA") -> bytes:
        """The frame that carries *payload* from *seq* on, modulo 2**32."""
        tcp = TCP(
            sport=self._source,
            dport=self._port,
            seq=seq % 2**32,
            flags=flags,
            options=self._options,
        )
        frame = bytes(self._below / tcp / Raw(payload))
        if self._rng.random() < 0.1:
            frame += bytes(self._rng.randrange(1, 30))
        return _padded(frame)


def _ends(rng: random.Random) -> tuple[str, str]:
    """Addresses to come from and to go to."""
    if rng.random() < 0.5:
        return f"192.0.2.{rng.randrange(256)}", str(IPv4Address(rng.getrandbits(32)))
    prefix = 0x20010DB8 << 96
    return str(IPv6Address(prefix | rng.getrandbits(90))), str(IPv6Address(rng.getrandbits(128)))


def segment(rng: random.Random, payload: bytes, seq: int | None = None) -> bytes:
    """*payload* in a segment of a connection that did not begin with it."""
    return Client(rng).segment(rng.getrandbits(32) if seq is None else seq, payload)


def opened(rng: random.Random, payload: bytes) -> list[bytes]:
    """A connection that begins with *payload*: its SYN, and a segment."""
    client, seq = Client(rng), rng.getrandbits(32)
    return [client.opening(seq), client.segment(seq, payload)]


def any_frame(rng: random.Random, payload: bytes) -> bytes:
    """*payload* in a segment, mostly; else in a frame that a NIC must let alone, or drop."""
    if rng.random() < 0.7:
        return segment(rng, payload)
    return rng.choice(_OTHERS)(rng, payload)


def _options(kind: type[Packet]) -> Callable[[random.Random], Packet]:
    return lambda rng: kind(options=[PadN(optdata=bytes(rng.choice((4, 12, 52))))])


def _routing(rng: random.Random) -> Packet:
    return IPv6ExtHdrRouting(addresses=["2001:db8::9"] * rng.randrange(4), segleft=0)


_hop_by_hop, _destination = _options(IPv6ExtHdrHopByHop), _options(IPv6ExtHdrDestOpt)
_EXTENSIONS: tuple[tuple[Callable[[random.Random], Packet], ...], ...] = (
    *[()] * 4,
    (_hop_by_hop,),
    (_routing,),
    (_destination,),
    (_hop_by_hop, _routing),
    (_routing, _destination),
    (_destination, _destination),
)
_TAGS = (*[()] * 4, (Dot1Q,), (Dot1AD,), (Dot1Q, Dot1Q), (Dot1AD, Dot1Q))


def _padded(frame: bytes) -> bytes:
    """*frame* as a MAC sends it."""
    return frame.ljust(60, b"\0")


def _ether(*layers: Packet) -> bytes:
    packet: Packet = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")
    for layer in layers:
        packet /= layer
    return _padded(bytes(packet))


def _tcp(rng: random.Random, **fields: object) -> Packet:
    return TCP(**{"dport": PORT, "seq": rng.getrandbits(32)} | fields)


_OTHERS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    lambda rng, data: _ether(IP(), _tcp(rng, dport=81), Raw(data)),
    lambda rng, data: _ether(IP(), _tcp(rng, flags=rng.choice(("A", "SA", "SR", "FA")))),
    lambda rng, data: Client(rng).opening(rng.getrandbits(32), rng.choice(("S", "SEC", "SF"))),
    lambda rng, data: Client(rng).segment(rng.getrandbits(32), data, "S"),
    lambda rng, data: damaged(rng, Client(rng).opening(rng.getrandbits(32))),
    lambda rng, data: _ether(IP(flags="MF"), _tcp(rng), Raw(data)),
    lambda rng, data: _ether(IP(frag=3), _tcp(rng), Raw(data)),
    lambda rng, data: _ether(IP(version=6), _tcp(rng), Raw(data)),
    lambda rng, data: _ether(IP(ihl=rng.randrange(5)), _tcp(rng), Raw(data)),
    lambda rng, data: _ether(IP(len=rng.randrange(200)), _tcp(rng), Raw(data)),
    lambda rng, data: _ether(IPv6(plen=rng.randrange(200)), _tcp(rng), Raw(data)),
    lambda rng, data: _ether(IP(), _tcp(rng, dataofs=rng.randrange(16)), Raw(data)),
    lambda rng, data: _ether(
        IPv6(), _hop_by_hop(rng), _routing(rng), _destination(rng), _tcp(rng), Raw(data)
    ),
    lambda rng, data: _ether(IPv6(), _routing(rng), IPv6ExtHdrFragment(), _tcp(rng), Raw(data)),
    lambda rng, data: _ether(Dot1Q(), Dot1Q(), Dot1Q(), IP(), _tcp(rng), Raw(data)),
    lambda rng, data: damaged(rng, segment(rng, data)),
    lambda rng, data: damaged(rng, segment(rng, data)),
    lambda rng, data: _ether(IP(), UDP(dport=PORT), Raw(data)),
    lambda rng, data: _ether(ARP()),
    lambda rng, data: segment(rng, data * 80)[:9000],
    lambda rng, data: segment(rng, data)[: rng.randrange(1, 130)],
    lambda rng, data: rng.randbytes(rng.randrange(1, 200)),
    lambda rng, data: spoofed(rng, segment(rng, data)),
    lambda rng, data: spoofed(
        rng, _ether(Dot1AD(vlan=5), Dot1AD(vlan=6), IP(), _tcp(rng), Raw(data))
    ),
    lambda rng, data: spoofed(rng, segment(rng, data))[:24],
)


def damaged(rng: random.Random, frame: bytes) -> bytes:
    """*frame* with another byte behind its EtherTypes."""
    at = rng.randrange(24, len(frame))
    return frame[:at] + bytes([frame[at] ^ 1 << rng.randrange(8)]) + frame[at + 1 :]


def spoofed(rng: random.Random, frame: bytes) -> bytes:
    """*frame* with an EtherType in place of its own that is between NIC and host alone."""
    at = 12
    while frame[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    return frame[:at] + rng.choice(PRIVATE).to_bytes(2, "big") + frame[at + 2 :]

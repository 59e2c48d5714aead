"""Kinds of frames, as far as the NIC treats them unlike others, and what may become of each.

The frame is read here once more, by the standards (IEEE 802.1Q, RFC 791, RFC 8200, RFC 9293) and
not by the rules of the NIC: what those make of it is its outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import TCHAR
from hybridmesh.contract.inband import ETHERTYPE as CONTROL
from hybridmesh.contract.inband import PRIVATE
from hybridmesh.contract.verdict import ETHERTYPE as SHIM
from hybridmesh.nic.frames import SHORTEST, is_intact, locate_segment

from .model import Bin, Group

__all__ = ["OUTCOMES", "groups", "kinds"]

OUTCOMES = ("verdict", "passed", "dropped")

_CUSTOMER, _SERVICE = 0x8100, 0x88A8
_IPV4, _IPV6 = 0x0800, 0x86DD
_TCP, _UDP = 6, 17
_EXTENSIONS = {0: "hop-by-hop", 43: "routing", 60: "destination", 44: "fragment"}
_MTU = 1514
"""Bytes of the longest frame without tags and FCS that is not a jumbo."""


@dataclass
class _Facts:
    """What a frame is."""

    size: int
    max_frame: int
    bad: bool
    tags: list[int] = field(default_factory=list)
    kind: int = 0
    version: int = 0
    header_words: int = 0
    fragment: int = 0
    more_fragments: bool = False
    extensions: list[str] = field(default_factory=list)
    protocol: int = -1
    fits: int = 0
    """Less than, equal to or more than 0: the packet ends before, at or behind the frame's end."""
    offset: int = -1
    """Words of the TCP header."""
    flags: int = 0
    payload: bytes = b""
    intact: bool = True

    @property
    def tcp(self) -> bool:
        return self.offset >= 0


def _facts(frame: bytes, bad: bool, max_frame: int) -> _Facts:
    facts = _Facts(len(frame), max_frame, bad)
    at = 12
    while frame[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):
        facts.tags.append(int.from_bytes(frame[at : at + 2], "big"))
        at += 4
    facts.kind = int.from_bytes(frame[at : at + 2], "big")
    ip = frame[at + 2 :]
    if facts.kind == _IPV4 and len(ip) >= 20:
        _read_ipv4(facts, ip)
    elif facts.kind == _IPV6 and len(ip) >= 40:
        _read_ipv6(facts, ip)
    segment = locate_segment(frame)
    if segment is not None and segment.end <= len(frame):
        facts.intact = is_intact(frame, segment)
    return facts


def _read_ipv4(facts: _Facts, ip: bytes) -> None:
    facts.version, facts.header_words = ip[0] >> 4, ip[0] & 15
    end = int.from_bytes(ip[2:4], "big")
    facts.more_fragments = bool(ip[6] & 0x20)
    facts.fragment = int.from_bytes(ip[6:8], "big") & 0x1FFF
    facts.protocol = ip[9]
    facts.fits = end - len(ip)
    if not facts.fragment:
        _read_tcp(facts, ip[4 * facts.header_words : end])


def _read_ipv6(facts: _Facts, ip: bytes) -> None:
    facts.version = ip[0] >> 4
    end = 40 + int.from_bytes(ip[4:6], "big")
    following, at = ip[6], 40
    facts.fits = end - len(ip)
    while following in _EXTENSIONS and at + 2 <= len(ip):
        facts.extensions.append(_EXTENSIONS[following])
        size = 8 if following == 44 else 8 * (ip[at + 1] + 1)
        following, at = ip[at], at + size
    facts.protocol = following
    _read_tcp(facts, ip[at:end])


def _read_tcp(facts: _Facts, tcp: bytes) -> None:
    if facts.protocol == _TCP and len(tcp) >= 14:
        facts.offset, facts.flags = tcp[12] >> 4, tcp[13]
        facts.payload = tcp[4 * facts.offset :]


_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_ANY = ("verdict", "passed", "dropped")
_NO_VERDICT, _ONLY_DROPPED = ("passed", "dropped"), ("dropped",)
_NO_SEGMENT = "it has no TCP segment that the NIC finds"


@dataclass(frozen=True)
class _Kind:
    """A kind of frame: its test, what can become of one, and why nothing else can."""

    name: str
    test: Callable[[_Facts], bool]
    outcomes: tuple[str, ...] = _ANY
    why: str = ""


def _extended(*names: str) -> Callable[[_Facts], bool]:
    return lambda f: f.tcp and tuple(f.extensions) == names


_KINDS = (
    _Kind("shorter than 60 bytes", lambda f: f.size < SHORTEST, _ONLY_DROPPED, "it is a runt"),
    _Kind("60 bytes", lambda f: f.size == SHORTEST),
    _Kind("longer than 1514 bytes", lambda f: _MTU < f.size < f.max_frame),
    _Kind("just max_frame", lambda f: f.size == f.max_frame),
    _Kind(
        "longer than max_frame",
        lambda f: f.size > f.max_frame,
        ("passed",),
        "it goes through before its end is there",
    ),
    _Kind(
        "marked bad, max_frame at most",
        lambda f: f.bad and f.size <= f.max_frame,
        _ONLY_DROPPED,
        "what the MAC marks bad is dropped",
    ),
    _Kind(
        "marked bad, longer",
        lambda f: f.bad and f.size > f.max_frame,
        ("passed",),
        "most of it is with the host when the mark comes",
    ),
    _Kind("untagged", lambda f: not f.tags),
    _Kind("a customer tag", lambda f: f.tags == [_CUSTOMER]),
    _Kind("a service tag", lambda f: f.tags == [_SERVICE]),
    _Kind("two customer tags", lambda f: f.tags == [_CUSTOMER, _CUSTOMER]),
    _Kind("a service and a customer tag", lambda f: f.tags == [_SERVICE, _CUSTOMER]),
    _Kind("two service tags", lambda f: f.tags == [_SERVICE, _SERVICE], _NO_VERDICT, _NO_SEGMENT),
    _Kind("three tags", lambda f: len(f.tags) > 2, _NO_VERDICT, _NO_SEGMENT),
    *(
        _Kind(
            f"the EtherType of {whose}, {words}",
            lambda f, kind=kind, tags=tags: (
                f.kind == kind and len(f.tags) == tags and f.size <= f.max_frame
            ),
            _ONLY_DROPPED,
            "it is between NIC and host alone",
        )
        for kind, whose in ((SHIM, "the shim"), (CONTROL, "control frames"))
        for tags, words in enumerate(("untagged", "a tag", "two tags"))
    ),
    _Kind(
        "another EtherType",
        lambda f: f.kind not in (_IPV4, _IPV6, *PRIVATE),
        _NO_VERDICT,
        _NO_SEGMENT,
    ),
    _Kind("IPv4", lambda f: f.version == 4 and f.header_words == 5 and f.tcp),
    _Kind("IPv4, options", lambda f: f.version == 4 and 5 < f.header_words < 15 and f.tcp),
    _Kind("IPv4, as many options as can be", lambda f: f.header_words == 15 and f.tcp),
    _Kind(
        "IPv4, a header too short",
        lambda f: f.kind == _IPV4 and f.header_words < 5 and f.version == 4,
        _NO_VERDICT,
        _NO_SEGMENT,
    ),
    _Kind(
        "IPv4, another version",
        lambda f: f.kind == _IPV4 and f.version != 4 and f.protocol >= 0,
        _NO_VERDICT,
        _NO_SEGMENT,
    ),
    _Kind(
        "IPv4, the first fragment",
        lambda f: f.more_fragments and not f.fragment,
        _NO_VERDICT,
        "the rest of the segment is elsewhere",
    ),
    _Kind("IPv4, a later fragment", lambda f: f.fragment > 0, _NO_VERDICT, _NO_SEGMENT),
    _Kind("IPv6", _extended()),
    *(_Kind(f"IPv6, {name}", _extended(name)) for name in ("hop-by-hop", "routing", "destination")),
    _Kind("IPv6, hop-by-hop and routing", _extended("hop-by-hop", "routing")),
    _Kind("IPv6, routing and destination", _extended("routing", "destination")),
    _Kind("IPv6, destination twice", _extended("destination", "destination")),
    _Kind("IPv6, three extensions", lambda f: len(f.extensions) > 2, _NO_VERDICT, _NO_SEGMENT),
    _Kind("IPv6, a fragment", lambda f: "fragment" in f.extensions, _NO_VERDICT, _NO_SEGMENT),
    _Kind(
        "IPv6, another version",
        lambda f: f.kind == _IPV6 and f.version != 6 and f.protocol >= 0,
        _NO_VERDICT,
        _NO_SEGMENT,
    ),
    _Kind("cut off by the frame's end", lambda f: f.fits > 0 and f.tcp, _NO_VERDICT, _NO_SEGMENT),
    _Kind("filled by the packet", lambda f: f.fits == 0 and f.tcp),
    _Kind("padding behind the packet", lambda f: f.fits < 0 and f.tcp),
    _Kind("UDP", lambda f: f.protocol == _UDP, _NO_VERDICT, _NO_SEGMENT),
    _Kind("TCP", lambda f: f.offset == 5),
    _Kind("TCP, options", lambda f: 5 < f.offset < 15),
    _Kind("TCP, as many options as can be", lambda f: f.offset == 15),
    _Kind("TCP, a header too short", lambda f: 0 <= f.offset < 5, _NO_VERDICT, _NO_SEGMENT),
    _Kind(
        "TCP, a wrong checksum",
        lambda f: f.tcp and not f.intact,
        _NO_VERDICT,
        "nobody knows what was sent",
    ),
    _Kind("SYN", lambda f: f.flags & 0x16 == _SYN and not f.payload, _NO_VERDICT, "no payload"),
    _Kind(
        "SYN with a payload",
        lambda f: f.flags & 0x16 == _SYN and bool(f.payload),
        _NO_VERDICT,
        "it opens the connection, and its payload does not count",
    ),
    _Kind(
        "SYN and ACK",
        lambda f: f.flags & 0x16 == _SYN | _ACK and not f.payload,
        _NO_VERDICT,
        "no payload",
    ),
    _Kind("FIN with a payload", lambda f: bool(f.flags & _FIN and f.payload)),
    _Kind(
        "no payload",
        lambda f: f.tcp and not f.payload and not f.flags & _SYN,
        _NO_VERDICT,
        "no payload",
    ),
    _Kind("one byte of payload", lambda f: f.tcp and len(f.payload) == 1),
    _Kind(
        "a payload that begins no request",
        lambda f: f.tcp and f.payload[:1] != b"" and f.payload[0] not in TCHAR,
        _ANY,
    ),
)


def kinds(frame: bytes, bad: bool, max_frame: int) -> Iterator[str]:
    """The kinds that *frame* is of; *bad*: the MAC marks it so."""
    facts = _facts(frame, bad, max_frame)
    return (kind.name for kind in _KINDS if kind.test(facts))


def groups(geometry: Geometry) -> tuple[Group, ...]:
    return (
        Group(
            f"width{geometry.width}_frame",
            "the kind of a frame from the wire, and what became of it",
            {"kind": tuple(kind.name for kind in _KINDS), "outcome": OUTCOMES},
            _argued(),
        ),
    )


def _argued() -> dict[Bin, str]:
    return {
        (kind.name, outcome): kind.why
        for kind in _KINDS
        for outcome in OUTCOMES
        if outcome not in kind.outcomes
    }

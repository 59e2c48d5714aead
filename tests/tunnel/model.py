"""What the programs at XDP and TC do, once more and plainly: the frames are read by the NIC's own
model, the shim by the contract's codec, and odd headers by scapy."""

from dataclasses import dataclass, field

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether

from hybridmesh.contract.verdict import ETHERTYPE, SHIM, Verdict
from hybridmesh.nic import NicError
from hybridmesh.nic.frames import Segment, find_segment, split

from .kernel import DROP, PASS, Kept, mapped

__all__ = ["Model"]

_KEPT = 32
_NEVER = 1 << 62
_KNOWN_BEHIND_IPV6 = {6, 17, 58, 59}
"""TCP, UDP, ICMP and nothing: behind these no header is looked for."""


@dataclass
class Flow:
    first: int
    seen: int
    clear: int
    heads: list[int] = field(default_factory=list)


class Model:
    """Knows nothing but that *ports* are listened on."""

    def __init__(self, *ports: int) -> None:
        self._ports = ports
        self._flows: dict[bytes, Flow] = {}
        self._verdicts: dict[tuple[bytes, int], tuple[int, bytes]] = {}
        self._unreadable: set[bytes] = set()
        self.counters: dict[str, int] = {}

    def receive(self, frame: bytes) -> tuple[int, bytes]:
        try:
            verdict, inner = split(frame)
        except NicError:
            self._count("malformed")
            return DROP, frame
        if verdict is not None:
            self._count("shims")
        segment = find_segment(inner)
        if segment is not None:
            self._segment(inner, segment, verdict)
            return PASS, inner
        if pair := _odd(inner):
            self._unreadable.add(pair)
            self._count("unreadable")
        if verdict is not None:
            self._count("unplaced")
        return PASS, inner

    def kept(self) -> Kept:
        flows = {
            key: (flow.first, flow.seen, flow.clear, len(flow.heads))
            for key, flow in self._flows.items()
        }
        return Kept(flows, self._verdicts, self._unreadable)

    def _count(self, name: str) -> None:
        self.counters[name] = self.counters.get(name, 0) + 1

    def _segment(self, frame: bytes, segment: Segment, verdict: Verdict | None) -> None:
        addresses = segment.addresses(frame)
        half = len(addresses) // 2
        pair = b"".join(
            part if half == 16 else b"\0" * 10 + b"\xff\xff" + part
            for part in (addresses[:half], addresses[half:])
        )
        key = pair + frame[segment.tcp : segment.tcp + 4]
        length = segment.end - segment.start
        if segment.opens:
            if segment.port not in self._ports:
                return
            first = (segment.seq + 1) % 2**32
            old = self._flows.get(key)
            if old is None or old.first != first:
                if old is not None:
                    self._forget(key, old)
                self._flows[key] = Flow(first, length, length)
            return
        urgent = frame[segment.tcp + 13] & 0x20
        self._follow(key, segment.seq, length, bool(urgent), verdict)

    def _forget(self, key: bytes, flow: Flow) -> None:
        for seq in flow.heads:
            self._verdicts.pop((key, seq), None)

    def _follow(
        self, key: bytes, seq: int, length: int, urgent: bool, verdict: Verdict | None
    ) -> None:
        flow = self._flows.get(key)
        if flow is None:
            if verdict is not None:
                self._count("unknown_flow")
            return
        seen = flow.seen
        start = seen + _signed(seq - flow.first - seen)
        end = start + length
        flow.seen = max(seen, end)
        if start < seen:
            flow.clear = max(flow.clear, flow.seen)
        if urgent:
            flow.clear = _NEVER
        if verdict is None:
            return
        head = start + _signed(verdict.seq - seq)
        if start != seen or head < flow.clear:
            self._count("doubted")
        elif head + verdict.head_length > end or head >= end:
            self._count("unplaced")
        else:
            if len(flow.heads) >= _KEPT:
                self._verdicts.pop((key, flow.heads[-_KEPT]), None)
            flow.heads.append(verdict.seq)
            self._verdicts[key, verdict.seq] = (head, SHIM.pack(verdict))
            self._count("recorded")


def _signed(number: int) -> int:
    return (number + 2**31) % 2**32 - 2**31


def _ip(frame: bytes) -> IP | IPv6 | None:
    layer = Ether(frame).payload
    for tag in ((Dot1Q, Dot1AD), (Dot1Q,)):
        if isinstance(layer, tag) and layer.type != ETHERTYPE:
            layer = layer.payload
    return layer if isinstance(layer, IP | IPv6) else None


def _odd(frame: bytes) -> bytes | None:
    """The addresses of TCP that cannot be followed."""
    layer = _ip(frame)
    if isinstance(layer, IP):
        odd = layer.proto == 6 and (layer.frag or layer.flags.MF or not layer.len)
    elif isinstance(layer, IPv6) and not layer.plen:
        odd = layer.nh == 6 or layer.nh not in _KNOWN_BEHIND_IPV6
    elif isinstance(layer, IPv6):
        number, inner, gone = layer.nh, layer.payload, 0
        while gone < 2 and (number in (43, 60) or (number == 0 and not gone)):
            number, inner, gone = inner.nh, inner.payload, gone + 1
        odd = number not in _KNOWN_BEHIND_IPV6
    else:
        return None
    return mapped(layer.src) + mapped(layer.dst) if odd else None

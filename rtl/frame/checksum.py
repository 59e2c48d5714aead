"""Verification of the IPv4 header checksum and the TCP checksum (RFC 791, RFC 9293, RFC 8200).

Both are ones' complement sums of 16-bit words (RFC 1071) that come out as all ones where nothing
was changed.  Carries are not wrapped around as they fall: a frame's sum is added up wide, as
``high * 2**16 + low``, and that is all ones modulo ``2**16 - 1`` just where ``high == ~low``.
"""

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry

from .cursor import Header, since, until
from .headers import IPV6_WORDS, TCP, tcp_beat

__all__ = ["Checksum"]

IPV4_SOURCE, IPV4_OPTIONS = 12, 20
IPV6_SOURCE, IPV6_END = 8, 4 * IPV6_WORDS
IPV4_WORDS = 30
"""16-bit words of the longest IPv4 header."""

FAN_IN = 4
"""Words that are added in a clock."""


class Checksum(wiring.Component):
    """Add up a frame's words as its beats pass, any number of frames one behind the other.

    ========  =============================================================  =================
    stage     what happens                                                   latency
    ========  =============================================================  =================
    lanes     bytes of the IPv4 header, and bytes that TCP covers            1
    words     those as 16-bit words, the others 0                            2
    sums      up to four of them added, again until two are left             + log4(width / 4)
    totals    those added to the frame's, with TCP's length and protocol     + 1
    intact    both totals are all ones                                       + 1
    ========  =============================================================  =================

    TCP covers a pseudo header (addresses, protocol, length), its own header and the payload.  The
    addresses are taken from the IP header, so that of an IPv6 packet that has still to be routed
    (RFC 8200, 8.1) is not intact.

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    i : stream of tcp_beat, always ready
    intact : out
        A frame's checksums are right, ``latency`` clocks after its beat of ``i`` with ``last``; it
        means nothing in other clocks, and of a frame that holds no whole TCP segment.

    Attributes
    ----------
    latency : int
    """

    def __init__(self, geometry: Geometry) -> None:
        self._width = geometry.width
        self._frame_words = geometry.max_frame // 2
        words = max(1, geometry.width // 2)
        self._levels = 0
        while words > FAN_IN // 2:
            words = -(-words // FAN_IN)
            self._levels += 1
        self.latency = 4 + self._levels
        super().__init__(
            {
                "i": In(stream.Signature(tcp_beat(geometry), always_ready=True)),
                "intact": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, at = self.i.p, self.i.p.at
        ip = Header(i.ip_words, 2)
        tcp = Header(i.words, 2).offset(0)
        source, end = Signal(8), Signal(8)
        m.d.comb += [
            source.eq(Mux(i.ipv4, ip.offset(IPV4_SOURCE), ip.offset(IPV6_SOURCE))),
            end.eq(Mux(i.ipv4, ip.offset(IPV4_OPTIONS), ip.offset(IPV6_END))),
        ]
        segment = since(m, at, tcp)
        header, covered = Signal(self._width), Signal(self._width)
        source_on, before_end = since(m, at, source), ~since(m, at, end)
        data, odd = Signal.like(at.data), Signal()
        m.d.sync += [
            data.eq(at.data),
            odd.eq(at.index[0]),
            header.eq(0),
            covered.eq(0),
        ]
        with m.If(self.i.valid):
            m.d.sync += [
                header.eq(since(m, at, ip.offset(0)) & ~segment),
                covered.eq((source_on & before_end) | (segment & until(m, at, i.final))),
            ]

        # By stage from ``lanes`` on to ``totals``.
        first = [self.i.valid & at.first]
        extra = [Mux(self.i.valid & at.last, i.final - tcp + (1 + TCP), 0)[:17]]
        ipv4 = [i.ipv4]
        for signals in (first, extra, ipv4):
            for _ in range(2 + self._levels):
                m.d.sync += (late := Signal.like(Value.cast(signals[-1]))).eq(signals[-1])
                signals.append(late)

        header_total = self._total(
            m, "header", _words(data, header, odd), IPV4_WORDS, first[-1], C(0)
        )
        covered_total = self._total(
            m, "covered", _words(data, covered, odd), self._frame_words, first[-1], extra[-1]
        )
        m.d.sync += (without := Signal()).eq(~ipv4[-1])
        m.d.sync += self.intact.eq((without | _all_ones(header_total)) & _all_ones(covered_total))
        return m

    def _total(
        self, m: Module, name: str, addends: list[Value], most: int, first: Value, extra: Value
    ) -> Signal:
        """The sum of a frame's *addends*, at *most* so many, and of *extra*."""
        words = []
        for n, word in enumerate(addends):
            m.d.sync += (held := Signal(16, name=f"{name}_word{n}")).eq(word)
            words.append(held)
        for level in range(self._levels):
            groups = [words[k : k + FAN_IN] for k in range(0, len(words), FAN_IN)]
            words = []
            for n, group in enumerate(groups):
                value = _sum(group)
                held = Signal(value.shape(), name=f"{name}_sum{level}_{n}")
                m.d.sync += held.eq(value)
                words.append(held)
        total = Signal(16 + most.bit_length(), name=f"{name}_total")
        m.d.sync += total.eq(_sum([Mux(first, 0, total) + extra, *words]))
        return total


def _words(data: Value, mask: Value, odd: Value) -> list[Value]:
    """The bytes of *data* under *mask* as 16-bit words; headers stand at even offsets.

    A single byte is at an odd offset where *odd* is set.
    """
    lanes = [Mux(mask[n], data.word_select(n, 8), 0) for n in range(len(mask))]
    if len(lanes) == 1:
        return [Mux(odd, lanes[0], Cat(C(0, 8), lanes[0]))]
    return [Cat(low, high) for high, low in zip(lanes[::2], lanes[1::2], strict=True)]


def _sum(values: list[Value]) -> Value:
    """Their sum as a tree, so that none waits for more than log2 of the others."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return _sum(values[:half]) + _sum(values[half:])


def _all_ones(total: Value) -> Value:
    """Whether *total* is a multiple of ``2**16 - 1``, which is not 0 and below its square."""
    return total[16:] == ~total[:16]

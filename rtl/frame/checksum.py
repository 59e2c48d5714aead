"""Verification of the IPv4 header checksum and the TCP checksum (RFC 791, RFC 9293, RFC 8200).

Both are ones' complement sums of 16-bit words (RFC 1071) that come out as all ones where nothing
was changed.  Carries are not wrapped around as they fall: a frame's sum is added up wide, as
``high * 2**16 + low``, and that is all ones modulo ``2**16 - 1`` just where ``high == ~low``.
"""

from collections.abc import Sequence

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry

from ..pipeline import delayed
from .headers import TCP
from .payload import segment_beat
from .place import TYPED, Header, addresses, since

__all__ = ["Checksum"]

IPV4_WORDS = 30
"""16-bit words of the longest IPv4 header."""

FAN_IN = 4
"""Numbers that are added in a clock."""


class Checksum(wiring.Component):
    """Add up a frame's words as its beats pass, any number of frames one behind the other.

    ========  =============================================================  =================
    stage     what happens                                                   latency
    ========  =============================================================  =================
    lanes     bytes of the IPv4 header, and bytes that TCP covers            1
    words     those as 16-bit words, the others 0; TCP's length              2
    sums      up to four of them added, again until one is left              + 1 to 3
    totals    that added to the frame's                                      + 1
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
    i : stream of segment_beat, always ready
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
        addends = max(1, geometry.width // 2) + 1
        self._levels = 0
        while addends > 1:
            addends = -(-addends // FAN_IN)
            self._levels += 1
        self.latency = 4 + self._levels
        super().__init__(
            {
                "i": In(stream.Signature(segment_beat(geometry), always_ready=True)),
                "intact": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, at = self.i.p, self.i.p.at
        beats = range(TYPED[-1] // self._width + 1)
        ip = Header(at, TYPED, i.tags, [at.index == n for n in beats])
        _, ip_on = since(m, at, self.i.valid, ip.begins(), ip.starts, ip.which)
        header, covered = Signal(self._width), Signal(self._width)
        bytes_, odd, size = Signal.like(at.data), Signal(), Signal.like(i.size)
        m.d.sync += [
            bytes_.eq(at.data),
            odd.eq(at.index[0]),
            header.eq(0),
            covered.eq(0),
            size.eq(Mux(self.i.valid & at.last, i.size, 0)),
        ]
        with m.If(self.i.valid):
            m.d.sync += [
                header.eq(ip_on & ~i.segment),
                covered.eq(addresses(at, i.tags, i.ipv4) | (i.segment & i.inside)),
            ]

        first = delayed(m, self.i.valid & at.first, 2 + self._levels)
        without = delayed(m, ~i.ipv4, 3 + self._levels)
        header_sum = self._add(m, "header", _words(bytes_, header, odd))
        covered_sum = self._add(m, "covered", [*_words(bytes_, covered, odd), size])
        header_total = Signal(16 + IPV4_WORDS.bit_length())
        covered_total = Signal(16 + self._frame_words.bit_length())
        protocol = TCP - 1  # ``size`` is one too many
        m.d.sync += [
            header_total.eq(Mux(first, 0, header_total) + header_sum),
            covered_total.eq(Mux(first, protocol, covered_total) + covered_sum),
            self.intact.eq((without | _all_ones(header_total)) & _all_ones(covered_total)),
        ]
        return m

    def _add(self, m: Module, name: str, words: Sequence[Value]) -> Value:
        """The sum of a beat's *words*."""
        for level in range(1 + self._levels):
            size = FAN_IN if level else 1
            values = [_sum(words[k : k + size]) for k in range(0, len(words), size)]
            words = [Signal(v.shape(), name=f"{name}_{level}_{n}") for n, v in enumerate(values)]
            m.d.sync += [word.eq(value) for word, value in zip(words, values, strict=True)]
        (total,) = words
        return total


def _words(bytes_: Value, mask: Value, odd: Value) -> list[Value]:
    """The *bytes_* under *mask* as 16-bit words; headers stand at even offsets.

    A single byte is at an odd offset where *odd* is set.
    """
    lanes = [Mux(mask[n], bytes_.word_select(n, 8), 0) for n in range(len(mask))]
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

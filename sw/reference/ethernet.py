"""Golden model of the Ethernet MAC: frames to what a PHY carries, and back (IEEE 802.3, clause 3).

It reads a carrier as a whole, where the RTL reads octet by octet.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import NamedTuple

__all__ = ["PREAMBLE", "SHORTEST", "Received", "Symbol", "carrier", "fcs", "received"]

PREAMBLE = b"\x55" * 7 + b"\xd5"
"""Seven octets and the SFD."""

SHORTEST = 60
"""Bytes of the shortest frame, without FCS."""


class Symbol(NamedTuple):
    """One clock of GMII: an octet, or a nibble below 1000 Mb/s; within a frame; cannot be read."""

    data: int
    dv: bool
    er: bool = False


@dataclass(frozen=True)
class Received:
    """What came between an SFD and the end of its carrier.

    Attributes
    ----------
    data : bytes
        Without FCS; of an oversize frame as much as may be given, of one without room for an FCS
        nothing.
    outcome : str
        ``frames`` if it is good, ``bad_fcs``, ``unreadable`` or ``oversize``.
    """

    data: bytes
    outcome: str


def fcs(data: bytes) -> bytes:
    """The four bytes that follow *data*."""
    return zlib.crc32(data).to_bytes(4, "little")


def carrier(frame: bytes) -> bytes:
    """All that is sent of *frame*: preamble and SFD, padding, FCS."""
    padded = frame.ljust(SHORTEST, b"\0")
    return PREAMBLE + padded + fcs(padded)


def received(
    symbols: Iterable[Symbol], longest: int, *, nibbles: bool = False
) -> Iterator[Received]:
    """What a MAC receives of *symbols*, the last carrier of which ends.

    *nibbles*: each of them holds half of an octet, the lower half first.
    """
    for dv, run in groupby(symbols, lambda symbol: symbol.dv):
        if dv:
            yield from _carried(list(run), longest, nibbles)


def _carried(run: list[Symbol], longest: int, nibbles: bool) -> Iterator[Received]:
    """At most one frame: the one behind the first SFD of *run*."""
    step = 2 if nibbles else 1
    octets = (
        [upper.data % 16 << 4 | lower.data % 16 for lower, upper in pairwise(run)]
        if nibbles
        else [symbol.data for symbol in run]
    )
    if PREAMBLE[-1] not in octets:
        return
    begin = octets.index(PREAMBLE[-1]) + step
    content = bytes(octets[begin::step])
    data, check = content[:-4], content[-4:]
    if len(data) > longest:
        yield Received(data[:longest], "oversize")
        return
    counted = begin + step * len(content)
    if any(symbol.er for symbol in run[:counted]):
        yield Received(data, "unreadable")
    else:
        yield Received(data, "frames" if data and fcs(data) == check else "bad_fcs")

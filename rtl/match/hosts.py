"""The host's class: the lowest host pattern that matches, by the table's plain memory."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hybridmesh.contract.geometry import Geometry

from ..layout import TableRead, TableWrite
from .lowest import LowestEntry
from .reverse import Reverser
from .tcam import Tcam

__all__ = ["HostMatcher"]

LANES = 8
"""Host bytes that are looked up in a clock, at narrower widths too: the host is what a verdict
waits for."""

NEAREST = 63
"""Bytes from a frame's start to the nearest end of a host, even in a malformed head: Ethernet, IPv4
and TCP headers and ``\\nhost: ``; so many there are at least from one frame's last beat on."""


class HostMatcher(wiring.Component):
    """Class of the host, a fixed time after its end, until the next one's.

    ==========  ==================================================  =============================
    stage       what happens                                        latency
    ==========  ==================================================  =============================
    reverser    last word of the reversed host                      Reverser.latency + words - 1
    tcam        patterns matched                                    ... + Tcam.latency
    classes     class of the lowest pattern                         ... + LowestEntry.latency
    ==========  ==================================================  =============================

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    valid, last, data, start, end, bank : in
        A beat, which is none of before the next one if ``last``, with the marks of the host.
    class_wanted, class_bank : in
        A frame's class is wanted in the next clock, and its bank.
    host_class : out, 8
        The class, where it was wanted; 0 where no pattern matches.
    table : TableWrite
    ask_patterns, ask_classes : TableRead

    Raises
    ------
    ValueError
        For a host key that a neighbour's host would spoil.
    """

    def __init__(self, geometry: Geometry) -> None:
        width = geometry.width
        lanes = max(width, LANES)
        self._width = width
        self._reverser = Reverser(width, geometry.host_bytes, lanes)
        if self._reverser.words > 1 + NEAREST // width:
            raise ValueError(
                f"at width {width} a host key can have {lanes * (1 + NEAREST // width)} bytes, "
                f"not {geometry.host_bytes}"
            )
        self._tcam = Tcam(geometry.host, lanes)
        self._classes = LowestEntry(geometry.host_class)
        self.latency = (
            self._reverser.latency
            + self._reverser.words
            - 1
            + self._tcam.latency
            + self._classes.latency
        )
        super().__init__(
            {
                "valid": In(1),
                "last": In(1),
                "data": In(8 * width),
                "start": In(width),
                "end": In(width),
                "bank": In(1),
                "class_wanted": In(1),
                "class_bank": In(1),
                "host_class": Out(8),
                "table": In(TableWrite),
                "ask_patterns": In(TableRead),
                "ask_classes": In(TableRead),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.reverser = reverser = self._reverser
        m.submodules.tcam = tcam = self._tcam
        m.submodules.classes = classes = self._classes
        for name in ("valid", "last", "data", "start", "end", "bank"):
            m.d.comb += getattr(reverser, name).eq(getattr(self, name))
        m.d.comb += [tcam.i.valid.eq(reverser.o_valid), tcam.i.p.eq(reverser.o)]
        connect(m, flipped(self.table), tcam.table)
        connect(m, flipped(self.table), classes.table)
        connect(m, flipped(self.ask_patterns), tcam.ask)
        connect(m, flipped(self.ask_classes), classes.ask)

        m.d.comb += [
            classes.i.eq(tcam.match),
            classes.valid.eq(self.class_wanted),
            classes.bank.eq(self.class_bank),
            self.host_class.eq(classes.o),
        ]
        return m

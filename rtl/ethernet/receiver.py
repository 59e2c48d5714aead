"""Frames out of octets: what is behind the SFD and before the FCS, which is checked (IEEE 802.3,
4.2.9).

What is wrong with a frame is known at its end, so the end says it.  Length and content are nobody's
business here but for what is too long to be a frame of this network: a carrier that does not end
must not hold what waits behind it.
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc import catalog
from amaranth.lib.wiring import In, Out

from .gmii import SFD, Symbol

__all__ = ["FCS_BYTES", "FrameOctet", "ReceiveEvents", "Receiver"]

FCS_BYTES = 4

FrameOctet = data.StructLayout({"data": 8, "first": 1, "last": 1, "error": 1})
"""An octet of a frame; ``error`` with ``last``: the frame is bad."""

ReceiveEvents = data.StructLayout({"frames": 1, "bad_fcs": 1, "unreadable": 1, "oversize": 1})
"""What a frame is, told once at its end: good, or the FCS is not its own or not whole, or the PHY
could not read it (RX_ER), or it is too long."""


class Receiver(wiring.Component):
    """Find frames, check and take off the FCS.

    ======  ===========================================================  =======
    stage   what happens                                                 latency
    ======  ===========================================================  =======
    held    an octet waits for five more: none of these is its frame's   5 octets
            end, or four are the FCS and the fifth is what follows
    o       it is given                                                  + 1
    ======  ===========================================================  =======

    A frame begins behind the first SFD of a carrier, whatever comes before it, and ends with the
    carrier.  Every frame ends with exactly one octet with ``last``; one that has no room for an
    octet and an FCS is given as one bad octet.  A carrier without an SFD gives nothing.

    Parameters
    ----------
    longest : int
        Bytes of the longest frame, without FCS.  What is longer is ended there, bad.

    Members
    -------
    i : stream of Symbol, always ready
    o : stream of FrameOctet, always ready
    events : out
        For one clock, that of the octet with ``last``.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        super().__init__(
            {
                "i": In(stream.Signature(Symbol, always_ready=True)),
                "o": Out(stream.Signature(FrameOctet, always_ready=True)),
                "events": Out(ReceiveEvents),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o, events = self.i, self.o, self.events
        m.submodules.crc = crc = catalog.CRC32_ETHERNET().create()
        held = Signal(data.ArrayLayout(8, FCS_BYTES + 1))  # the oldest is the lowest
        behind = Signal(range(FCS_BYTES + 2))  # octets of it that are this frame's
        given = Signal(range(self._longest + 1))
        unreadable = Signal()
        full = Signal()
        first = Signal()

        m.d.comb += [full.eq(behind == FCS_BYTES + 1), crc.data.eq(i.p.data)]
        m.d.sync += [o.valid.eq(0), events.eq(0)]
        with m.If(i.valid):
            m.d.sync += unreadable.eq(i.p.dv & (unreadable | i.p.er))
        with m.FSM(init="ended"):
            with m.State("waits"), m.If(i.valid & i.p.dv & (i.p.data == SFD)):
                m.d.comb += crc.start.eq(1)
                m.d.sync += [behind.eq(0), given.eq(0), first.eq(1)]
                m.next = "frame"
            with m.State("frame"), m.If(i.valid):
                m.d.comb += crc.valid.eq(i.p.dv)
                m.d.sync += [
                    held.eq(Cat(held.as_value()[8:], i.p.data)),
                    o.p.data.eq(held[0]),
                    o.p.first.eq(first),
                    o.p.last.eq(0),
                    o.p.error.eq(0),
                ]
                with m.If(~full):
                    m.d.sync += behind.eq(behind + 1)
                with m.If(~i.p.dv):
                    bad = ~full | ~crc.match_detected
                    m.d.sync += [
                        o.valid.eq(1),
                        o.p.last.eq(1),
                        o.p.error.eq(bad | unreadable),
                        events.frames.eq(~bad & ~unreadable),
                        events.bad_fcs.eq(bad & ~unreadable),
                        events.unreadable.eq(unreadable),
                    ]
                    m.next = "waits"
                with m.Elif(full):
                    m.d.sync += [o.valid.eq(1), first.eq(0), given.eq(given + 1)]
                    with m.If(given == self._longest - 1):
                        m.d.sync += [o.p.last.eq(1), o.p.error.eq(1), events.oversize.eq(1)]
                        m.next = "ended"
            with m.State("ended"), m.If(i.valid & ~i.p.dv):
                m.next = "waits"
        return m

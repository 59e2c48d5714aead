"""The MAC: frames between a PHY's symbols and the core, each at its own clock."""

from amaranth.hdl import DomainRenamer, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.cdc import FFSynchronizer, PulseSynchronizer
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.registers import MAC_EVENTS

from ..stream import packets
from .crossing import Crossing
from .gmii import InbandStatus, Speed, Status, Symbol
from .intake import Arrival, Intake, Queued
from .octets import Octets
from .outbox import Outbox, Written
from .pace import Pace, Sent
from .receiver import Receiver
from .transmitter import Transmitter

__all__ = ["EthernetMac", "MacEvents"]

_ON_RECEIPT = ("frames", "bad_fcs", "unreadable", "oversize")

MacEvents = data.StructLayout({name: 1 for name, _ in MAC_EVENTS})
"""What has become of a frame, for one clock of the core."""


class EthernetMac(wiring.Component):
    """A MAC of 10, 100 and 1000 Mb/s, full duplex, at the 8-bit boundary of GMII.

    Received, in the domain ``rx``, up to the last stage:

    =========  =====================================================  ==========================
    stage      what happens                                           latency
    =========  =====================================================  ==========================
    octets     nibbles are put together                               1
    receiver   FCS checked and taken off                              6 octets
    crossing   to the core's clock; a frame ends where it is full     2, and 7 of the core's
    arrival    a frame that stops coming ends                         1 of the core's
    =========  =====================================================  ==========================

    To be sent, from the core's domain to ``tx``:

    ===========  =====================================================  ========================
    stage        what happens                                           latency
    ===========  =====================================================  ========================
    outbox       a frame is taken as a whole; one marked bad is not     its length
    crossing     to the clock of the pins                               2, and 7 of ``tx``
    transmitter  preamble, frame, padding, FCS, gap                     1 to the preamble
    pace         octets as long as they last, and the clock             1
    ===========  =====================================================  ========================

    A received frame that is shorter than Ethernet allows is given as it came, if its FCS is right:
    the core counts and drops it.

    Parameters
    ----------
    longest : int
        Bytes of the longest frame, without FCS, of both directions.
    backlog : int
        Bytes that can wait for the core before received frames are lost.

    Members
    -------
    gmii_rx : in
        The symbol of each clock of ``rx``, which is the received clock.
    status : out
        Of the link, as the PHY tells in-band, in ``rx``.
    speed : in
        Of the link, from any domain: ``status.speed``, or what the board knows by another way.
    gmii_tx : out
        In ``tx``, a clock of 125 MHz.
    rx, tx : packet stream, 1 byte wide
        Frames without FCS, received and to be sent.  ``error`` with ``last``: such a one is not
        sent, and what was received so counts for nothing.
    events : out

    Notes
    -----
    The domains ``sync``, ``rx`` and ``tx`` are reset together, for three clocks of the slowest at
    least, or none is.

    Pause frames (IEEE 802.3, annex 31B) are frames like others.
    """

    def __init__(self, longest: int, backlog: int = 1000) -> None:
        self._longest = longest
        self._backlog = backlog
        super().__init__(
            {
                "gmii_rx": In(Symbol),
                "status": Out(Status),
                "speed": In(Speed),
                "gmii_tx": Out(Sent),
                "rx": Out(packets(1)),
                "tx": In(packets(1)),
                "events": Out(MacEvents),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._receive(m)
        self._send(m)
        return m

    def _receive(self, m: Module) -> None:
        connect, in_rx = wiring.connect, DomainRenamer("rx")
        m.submodules.inband = inband = in_rx(InbandStatus())
        m.submodules.octets = octets = in_rx(Octets())
        m.submodules.receiver = receiver = in_rx(Receiver(self._longest))
        m.submodules.intake = intake = in_rx(Intake())
        m.submodules.received = queue = Crossing(
            Queued, self._backlog, i_domain="rx", o_domain="sync"
        )
        m.submodules.arrival = arrival = Arrival()
        speed = Signal(Speed)
        m.submodules.rx_speed = FFSynchronizer(
            self.speed.as_value(), speed.as_value(), o_domain="rx"
        )
        connect(m, octets.o, receiver.i)
        connect(m, receiver.o, intake.i)
        connect(m, queue.o, arrival.i)
        connect(m, arrival.o, wiring.flipped(self.rx))
        m.d.comb += [
            inband.i.eq(self.gmii_rx),
            self.status.eq(inband.o),
            octets.i.eq(self.gmii_rx),
            octets.nibbles.eq(speed != Speed.M1000),
            intake.full.eq(queue.full),
            queue.write.eq(intake.write),
            queue.data.eq(intake.data),
            queue.commit.eq(1),
            self.events.rx_stopped.eq(arrival.stopped),
        ]
        happened = {name: receiver.events[name] for name in _ON_RECEIPT}
        for name, event in {**happened, "overrun": intake.overrun}.items():
            m.submodules[f"rx_{name}"] = pulse = PulseSynchronizer("rx", "sync")
            m.d.comb += [pulse.i.eq(event), self.events[f"rx_{name}"].eq(pulse.o)]

    def _send(self, m: Module) -> None:
        connect, in_tx = wiring.connect, DomainRenamer("tx")
        m.submodules.outbox = outbox = Outbox(self._longest)
        m.submodules.sent = queue = Crossing(Written, self._longest, i_domain="sync", o_domain="tx")
        m.submodules.transmitter = transmitter = in_tx(Transmitter())
        m.submodules.pace = pace = in_tx(Pace())
        speed = Signal(Speed)
        m.submodules.tx_speed = FFSynchronizer(
            self.speed.as_value(), speed.as_value(), o_domain="tx"
        )
        connect(m, wiring.flipped(self.tx), outbox.i)
        connect(m, queue.o, transmitter.i)
        m.d.comb += [
            outbox.full.eq(queue.full),
            *(
                getattr(queue, n).eq(getattr(outbox, n))
                for n in ("write", "data", "commit", "rewind")
            ),
            pace.speed.eq(speed),
            pace.data.eq(transmitter.data),
            pace.dv.eq(transmitter.dv),
            transmitter.step.eq(pace.step),
            self.gmii_tx.eq(pace.o),
            *(
                self.events[f"tx_{name}"].eq(outbox.events[name])
                for name in outbox.events.shape().members
            ),
        ]

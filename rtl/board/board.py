"""A bump in the wire: what comes from the wire passes the core on its way to the host."""

from amaranth.hdl import Cat, DomainRenamer, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out, Signature

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import PORTS
from hybridmesh.contract.verdict import SHIM

from ..control.inband import InbandControl
from ..control.registers import share
from ..ethernet.gmii import Speed, Symbol
from ..ethernet.mac import EthernetMac
from ..ethernet.pace import Sent
from ..nic import NicCore
from ..stream import RegisterSlice
from .lease import Lease
from .lights import Lights, Shown
from .registers import BoardRegisters

__all__ = ["Board", "Gmii"]

Gmii = Signature({"received": Out(Symbol), "sent": In(Sent)})
"""A port's symbols, as its PHY has them: received ones in a domain of its own, sent ones in ``tx``.
"""

_LOST = ("rx_bad_fcs", "rx_unreadable", "rx_oversize", "rx_overrun", "tx_dropped", "tx_oversize")
"""What the light for errors shows, of each port."""


class Board(wiring.Component):
    """Two MACs, the core between them, its registers by control frames of the host.

    ::

        wire ─▶ EthernetMac ─▶ NicCore ─▶ InbandControl ─▶ EthernetMac ─▶ host
        wire ◀─ EthernetMac ◀─ NicCore ◀─ InbandControl ◀─ EthernetMac ◀─ host

    =============  ==================================================  =========================
    stage          what happens                                        latency
    =============  ==================================================  =========================
    MAC            a frame is received; clocks cross                   its docstring
    slice          on its way to the core                              1
    core           verdict and shim                                    its docstring
    control        between two frames, an answer                       1, or the answer's length
    MAC            the frame is taken as a whole, and sent             its docstring
    =============  ==================================================  =========================

    A byte per clock.  Frames get longer on their way to the host: where the host's link is too slow
    for that, they wait, in the core first and then in the MAC of the wire, which loses whole frames
    and counts them.

    Parameters
    ----------
    geometry : Geometry
        Of width 1; its ``max_frame`` is the longest frame of the wire, and 40 bytes more that of
        the host.

    Members
    -------
    wire, host : Gmii
        In the domains ``wire_rx`` and ``host_rx``; what is sent, in ``tx``, of 125 MHz.
    lights : out

    Raises
    ------
    ValueError
        For a geometry of another width.

    Notes
    -----
    ``sync`` has 125 MHz at least.  It, ``tx``, ``wire_rx`` and ``host_rx`` are reset together, for
    three clocks of the slowest at least, or none is.

    A PHY that does not tell its speed is taken for one of 1000 Mb/s.
    """

    def __init__(self, geometry: Geometry) -> None:
        if geometry.width != 1:
            raise ValueError(f"A board takes a byte per beat, not {geometry.width}")
        self._geometry = geometry
        super().__init__({**dict.fromkeys(PORTS, In(Gmii)), "lights": Out(Shown)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = core = NicCore(self._geometry)
        m.submodules.control = control = InbandControl()
        m.submodules.registers = registers = BoardRegisters()
        m.submodules.lease = lease = Lease()
        m.submodules.lights = lights = Lights()

        connect = wiring.connect
        longest = self._geometry.max_frame
        wire = self._mac(m, "wire", longest, registers)
        host = self._mac(m, "host", longest + SHIM.size, registers)
        m.submodules.arrived = arrived = RegisterSlice(wire.rx.payload.shape())
        connect(m, wire.rx, arrived.i)  # the core's readiness does not have to reach the MAC
        connect(m, arrived.o, core.wire_rx)
        connect(m, core.host_rx, control.core_rx)
        connect(m, control.host_rx, host.tx)
        connect(m, host.rx, control.host_tx)
        connect(m, control.core_tx, core.host_tx)
        connect(m, core.wire_tx, wire.tx)

        connect(m, control.bus, lease.i)
        connect(m, registers.lease, lease.lease)
        share(m, lease.o, core.bus, registers.bus)

        events = {"wire": wire.events, "host": host.events, "control": control.outcomes}
        m.d.comb += [
            registers.events[f"{part}_{name}"].eq(happened[name])
            for part, happened in events.items()
            for name in happened.shape().members
        ]
        lost = Cat(events[port][name] for port in PORTS for name in _LOST)
        m.d.sync += [
            lights.i.link.eq(registers.wire.link & registers.host.link),
            lights.i.hit.eq(core.decided),
            lights.i.error.eq(lost.any()),
        ]
        m.d.comb += self.lights.eq(lights.o)
        return m

    def _mac(self, m: Module, port: str, longest: int, registers: BoardRegisters) -> EthernetMac:
        """The MAC of *port*, at the speed that its PHY tells."""
        rx = f"{port}_rx"
        mac = EthernetMac(longest)
        m.submodules[port] = DomainRenamer({"rx": rx})(mac)
        m.submodules[f"{port}_link"] = FFSynchronizer(
            mac.status.as_value(), getattr(registers, port).as_value()
        )
        gmii = getattr(self, port)
        m.d.comb += [mac.gmii_rx.eq(gmii.received), gmii.sent.eq(mac.gmii_tx)]
        m.d[rx] += mac.speed.eq(Mux(mac.status.link, mac.status.speed, Speed.M1000))
        return mac

"""EthernetNic: a NIC that is cabled to an interface of this host, driven by control frames.

Frames come from the wire through it to the host by themselves, and the kernel's tunnel takes the
verdicts off them.  So of what a :class:`~hybridmesh.nic.driver.NicDriver` does, all is here but
``exchange``.
"""

import errno
import os
import select
import socket
import time
from types import TracebackType
from typing import Self

from ..contract.geometry import Geometry
from ..contract.inband import ETHERTYPE
from ..contract.table import TableImage
from ..contract.verdict import SHIM
from .error import NicError, NicLostError
from .frames import Connection
from .inband import InbandClient
from .inbandbus import InbandBus, InbandRegisters, LinkState

__all__ = ["EthernetNic", "PacketLink"]

_LONGEST = 2048
_MTU = 1500 + SHIM.size
_SKIPPED = (errno.ENOBUFS, errno.EAGAIN)
"""Why the kernel has not sent a frame, where the next one may go."""


class PacketLink:
    """Control frames of *interface*, in the network namespace of the caller.

    Attributes
    ----------
    address : bytes
        The interface's MAC address.

    Raises
    ------
    NicError
        Where there is no such interface, it is down, or the process lacks the capability.
    """

    def __init__(self, interface: str) -> None:
        self._interface = interface
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK)
        except PermissionError:
            raise NicError(
                "Control frames take the capability CAP_NET_RAW",
                place=f"user {os.geteuid()}",
                remedy="run this as root, or give the command that capability",
            ) from None
        try:
            self._socket.bind((interface, ETHERTYPE))
        except OSError as error:
            self._socket.close()
            raise self._failed(error) from None
        self.address: bytes = self._socket.getsockname()[4]
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def send(self, frame: bytes) -> None:
        try:
            self._socket.send(frame)
        except OSError as error:
            if error.errno not in _SKIPPED:
                raise self._failed(error) from None

    def receive(self, until: float) -> bytes | None:
        if not self._poll.poll(max(0.0, until - self.now()) * 1000):
            return None
        try:
            return self._socket.recv(_LONGEST)
        except OSError as error:
            if error.errno in _SKIPPED:
                return None
            raise self._failed(error) from None

    def now(self) -> float:
        return time.monotonic()

    def close(self) -> None:
        self._socket.close()

    def _failed(self, error: OSError) -> NicError:
        remedies = {
            errno.ENODEV: "name one of this network namespace, as ip link lists them",
            errno.ENXIO: "the interface has gone: see to the cable, or the driver",
            errno.EMSGSIZE: f"run: ip link set dev {self._interface} mtu {_MTU}",
            errno.ENETDOWN: f"run: ip link set dev {self._interface} up",
        }
        # One that is down comes up again; one that has gone does not.
        kind = NicLostError if error.errno == errno.ENETDOWN else NicError
        return kind(
            f"Control frames cannot be exchanged ({error.strerror})",
            place=self._interface,
            remedy=remedies.get(error.errno or 0, "see ip link show"),
        )


class EthernetNic:
    """The NIC whose host port is cabled to *interface*.

    It takes the capability CAP_NET_RAW, and no other driver may use the NIC meanwhile.

    Parameters
    ----------
    interface : str
    after : int or None
        See :class:`~hybridmesh.nic.inbandbus.InbandRegisters`.

    Attributes
    ----------
    geometry : Geometry
        As the NIC says.

    Raises
    ------
    NicError
        Where no NIC answers, or one of another release, or the interface cannot be used.
    """

    geometry: Geometry

    def __init__(self, interface: str, after: int | None = None) -> None:
        self._link = PacketLink(interface)
        try:
            client = InbandClient(self._link.address, interface)
            self._bus = InbandBus(self._link, client)
            self._registers = InbandRegisters(self._bus, after)
        except NicError:
            self._link.close()
            raise
        self.geometry = self._registers.geometry

    def load(self, image: TableImage) -> int:
        return self._registers.load(image)

    def fill(self, image: TableImage) -> None:
        """See :meth:`~hybridmesh.nic.control.RegisterControl.fill`."""
        self._registers.fill(image)

    def check(self) -> None:
        """Raise :exc:`.NicLostError` where the NIC is not there, or was reset."""
        self._bus.check()

    def lease(self, milliseconds: int) -> int:
        """Let the NIC match for so long, and not after, unless this is called again; 0: for ever.

        Returns how much was left of the time before: 0 where it had run out, or never ran.  Raises
        :exc:`.NicLostError` where the NIC is not there, or was reset.
        """
        return self._registers.lease(milliseconds)

    def match(self, on: bool) -> None:
        """Match heads, or let all frames come as they are."""
        self._registers.match(on)

    def verify(self) -> None:
        self._registers.verify()

    def listen(self, *ports: int) -> None:
        self._registers.listen(*ports)

    def expect_head(self, connection: Connection, seq: int) -> None:
        self._registers.expect_head(connection, seq)

    def counters(self) -> dict[str, int]:
        """See :meth:`~hybridmesh.nic.inbandbus.InbandRegisters.counters`."""
        return self._registers.counters()

    def links(self) -> dict[str, LinkState]:
        """The links of a board by port; none where it is no board."""
        return self._registers.links()

    def close(self) -> None:
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

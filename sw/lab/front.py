"""What stands between the client's wire and the host's interface: a NIC, in one form or another."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from ..contract.geometry import Geometry
from ..contract.table import TableImage
from ..nic import NicDriver, NicError, NicKind, open_nic
from ..nic.frames import Connection
from ..nic.loaded import Loaded, digest
from ..tunnel.loader import Tunnel
from .impairment import Network
from .tap import Tap
from .wire import Wire

__all__ = ["DriverFront", "Front", "Tables"]

Tables = Callable[[Geometry], Sequence[TableImage]]
"""For a NIC's sizes, the table that the gateways know, and another one that they do not."""


class Front(Protocol):
    """Loads a NIC, and moves frames until it is closed.

    Attributes
    ----------
    reloading : bool
        While it is set, the two tables take turns in the NIC.
    reloads : int
        Tables that have been loaded so.
    """

    reloading: bool
    reloads: int

    def start(
        self, outside: Tap, host: Tap, tunnel: Tunnel, tables: Tables, network: Network
    ) -> Loaded:
        """Connect the two interfaces, which are up, and load the first table.

        What *tunnel* hears of heads is told to the NIC.  Returns what the gateways have to know.
        """

    def close(self) -> None: ...


class DriverFront:
    """A NIC that gets its frames from this process; see :class:`Front`.

    Parameters
    ----------
    kind : NicKind
    ports : sequence of int
        Those that it listens on.
    """

    def __init__(self, kind: NicKind, ports: Sequence[int]) -> None:
        self.reloading, self.reloads = False, 0
        self._nic: NicDriver = open_nic(kind, Geometry())
        self._nic.listen(*ports)
        self._wire: Wire | None = None

    def start(
        self, outside: Tap, host: Tap, tunnel: Tunnel, tables: Tables, network: Network
    ) -> Loaded:
        image = tables(self._nic.geometry)[0]
        loaded = Loaded(self._nic.load(image), digest(image), image.geometry)
        self._tunnel = tunnel
        self._wire = Wire(outside, host, self, network.outside)
        return loaded

    def exchange(self, frames: Sequence[bytes]) -> list[bytes]:
        """Through the NIC, which is told first what the gateways have said; the wire's thread."""
        for peer, local, seq in self._tunnel.expected():
            with suppress(NicError):  # another port than the NIC listens on
                self._nic.expect_head(Connection(peer, local), seq)
        return self._nic.exchange(frames)

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()
        self._nic.close()

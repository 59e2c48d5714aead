"""A board, emulated, and its driver at the host's end: what a :class:`.Front` does with them."""

import os
import select
from collections.abc import Sequence
from contextlib import suppress
from itertools import cycle
from threading import Thread

from ..contract.table import TableImage
from ..nic import NicError
from ..nic.emulated import EmulatedBoard
from ..nic.ethernet import EthernetNic
from ..nic.frames import Connection
from ..nic.loaded import Loaded, digest
from ..tunnel.loader import Tunnel
from .boardwire import BoardWire
from .front import Tables
from .impairment import Network
from .namespace import Namespace
from .tap import Tap

__all__ = ["BoardFront"]

_PAUSE = 0.05
"""Seconds between two tables."""


class BoardFront:
    """A board that is driven by control frames from *host*; see :class:`.Front`.

    Parameters
    ----------
    host : Namespace
        Where the interface is that it is cabled to.
    ports : sequence of int
        Those that it listens on.
    """

    def __init__(self, host: Namespace, ports: Sequence[int]) -> None:
        self.reloading, self.reloads = False, 0
        self._place = host
        self._ports = ports
        self._board = EmulatedBoard()
        self._wire: BoardWire | None = None
        self._nic: EthernetNic | None = None
        self._thread: Thread | None = None
        self._failure: Exception | None = None
        self._awake, self._wake = os.pipe2(os.O_CLOEXEC)

    def start(
        self, outside: Tap, host: Tap, tunnel: Tunnel, tables: Tables, network: Network
    ) -> Loaded:
        self._interface, self._tunnel = host.name, tunnel
        cable = _LossyTap(host, network)
        self._wire = BoardWire(outside, cable, self._board, network.outside)
        with self._place.inside():
            self._nic = nic = EthernetNic(self._interface)
        self._images = tables(nic.geometry)
        image = self._images[0]
        self._epoch = nic.load(image)
        nic.listen(*self._ports)
        nic.verify()
        self._thread = Thread(target=self._run, name="driver", daemon=True)
        self._thread.start()
        return Loaded(self._epoch, digest(image), image.geometry)

    def close(self) -> None:
        """Raises what went wrong with the board or its driver, if anything did."""
        os.write(self._wake, b"x")
        if self._thread is not None:
            self._thread.join()
        if self._nic is not None:
            self._nic.close()
        if self._wire is not None:
            self._wire.close()
        self._board.close()
        os.close(self._awake)
        os.close(self._wake)
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._drive()
        except Exception as error:
            self._failure = error

    def _drive(self) -> None:
        tunnel, turns = self._tunnel, cycle((1, 0))
        poll = select.poll()
        for descriptor in (tunnel.expecting, self._awake):
            poll.register(descriptor, select.POLLIN)
        known = True  # to the gateways: the table in use
        while self._awake not in {descriptor for descriptor, _ in poll.poll(_PAUSE * 1000)}:
            for peer, local, seq in tunnel.expected():
                with suppress(NicError):  # another port than the NIC listens on
                    self._driver.expect_head(Connection(peer, local), seq)
            if self.reloading or not known:
                turn = next(turns)
                self._reload(self._images[turn], known=turn == 0)
                known = turn == 0

    @property
    def _driver(self) -> EthernetNic:
        assert self._nic is not None
        return self._nic

    def _reload(self, image: TableImage, *, known: bool) -> None:
        """Load *image*: under the epoch that the gateways know, or under the next one."""
        if known:
            self._driver.close()
            with self._place.inside():
                self._nic = EthernetNic(self._interface, after=self._epoch - 1)
            self._driver.load(image)
            self._driver.listen(*self._ports)
        else:
            self._driver.load(image)
        self.reloads += 1


class _LossyTap:
    """A :class:`.Cable` to *tap* that loses some frames."""

    def __init__(self, tap: Tap, network: Network) -> None:
        self._tap = tap
        self._network = network
        self.descriptor, self.name = tap.descriptor, tap.name

    def read(self) -> bytes | None:
        while (frame := self._tap.read()) is not None and self._network.loses(frame):
            pass
        return frame

    def write(self, frame: bytes) -> None:
        if not self._network.loses(frame):
            self._tap.write(frame)

"""Keeper: a NIC on a board that has a table, and has it again when it was switched off and on.

A gateway knows a table by its epoch.  So what a NIC gets back is the same table under the same
epoch, and its verdicts count again.

It matches as long as it is looked after: a host that has gone must not get frames with shims that
nobody takes off.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from ..contract.geometry import Geometry
from ..contract.table import TableImage
from .error import NicError, NicLostError
from .ethernet import EthernetNic
from .frames import Connection
from .loaded import Loaded, digest

__all__ = ["Keeper"]

LEASE = 5000
"""Milliseconds that the NIC goes on without being looked after."""

_log = logging.getLogger(__name__)


class Keeper:
    """Drives the NIC whose host port is cabled to *interface*.

    Parameters
    ----------
    interface : str
    table : callable
        Gives the table that is loaded, for the NIC's sizes.
    ports : sequence of int
        TCP ports that heads get verdicts on.

    Attributes
    ----------
    loaded : Loaded
        What the gateway has to know of it.

    Raises
    ------
    NicError
        Where the NIC does not answer, or does not take the table.
    """

    def __init__(
        self, interface: str, table: Callable[[Geometry], TableImage], ports: Sequence[int]
    ) -> None:
        self._interface = interface
        self._ports = ports
        self._nic: EthernetNic | None = EthernetNic(interface)
        try:
            self._image = table(self._nic.geometry)
            epoch = self._load(self._nic)
        except BaseException:
            self._let_go()
            raise
        self.loaded = Loaded(epoch, digest(self._image), self._image.geometry)

    def expect_head(self, connection: Connection, seq: int) -> None:
        """See :meth:`~hybridmesh.nic.driver.NicDriver.expect_head`; where that cannot be told, the
        CPU matches that head, and nothing is raised."""
        if self._nic is not None:
            try:
                self._nic.expect_head(connection, seq)
            except NicLostError as error:
                self._lose(error)
            except NicError as error:
                _log.debug("%s", error)

    def look_after(self) -> None:
        """See whether the NIC is still what it was, and bring back what it has lost; to be called
        more often than once in :data:`LEASE`.

        Raises
        ------
        NicError
            Where another driver has taken it, or another NIC has taken its place.
        """
        try:
            if self._nic is None:
                self._nic = self._restored()
                _log.warning("%s: the NIC is back, with its table", self._interface)
            elif not self._nic.lease(LEASE):
                self._nic.match(True)
                _log.warning(
                    "%s: the NIC was not looked after for %g s, and had stopped to match",
                    *(self._interface, LEASE / 1000),
                )
        except NicLostError as error:
            self._lose(error)

    def counters(self) -> dict[str, int]:
        """The NIC's; none while it is away."""
        try:
            return self._nic.counters() if self._nic is not None else {}
        except NicLostError as error:
            self._lose(error)
            return {}

    def close(self) -> None:
        """Let go of the NIC, which keeps its table and matches no more; closing twice is
        harmless."""
        if self._nic is not None:
            with suppress(NicError):
                self._nic.match(False)
                self._nic.lease(0)
            self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _load(self, nic: EthernetNic) -> int:
        epoch = nic.load(self._image)
        nic.listen(*self._ports)
        nic.verify()
        nic.lease(LEASE)
        return epoch

    def _restored(self) -> EthernetNic:
        nic = EthernetNic(self._interface, after=self.loaded.epoch - 1)
        try:
            self._load(nic)
        except BaseException:
            nic.close()
            raise
        return nic

    def _lose(self, error: NicError) -> None:
        if self._nic is not None:
            _log.warning("%s; until it is back, the CPU matches", error)
        self._let_go()

    def _let_go(self) -> None:
        if self._nic is not None:
            self._nic.close()
            self._nic = None

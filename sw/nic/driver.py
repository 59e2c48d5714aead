"""NicDriver: what every NIC offers to the software above it, be it simulated, modelled or a board.

A driver moves whole Ethernet frames (without FCS) and sets the few registers that matter; the
shims in the frames it hands out are taken off with :func:`hybridmesh.nic.frames.split`.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from ..contract.geometry import Geometry
from ..contract.table import TableImage
from .frames import Connection

__all__ = ["NicDriver"]


@runtime_checkable
class NicDriver(Protocol):
    """A NIC whose wire side is fed by the caller.

    Attributes
    ----------
    geometry : Geometry
        Sizes of this NIC; the table images it loads must have been compiled for them.
    """

    geometry: Geometry

    def load(self, image: TableImage) -> int:
        """Put *image* into use between two frames; returns the epoch that its verdicts carry.

        Raises :exc:`.NicError`, and leaves the table in use as it is, where *image* does not reach
        the NIC whole.
        """

    def verify(self) -> None:
        """Compare the NIC's table, word by word, with the image that was loaded last.

        Raises :exc:`.NicError` where they differ, or none was loaded.
        """

    def listen(self, *ports: int) -> None:
        """Give verdicts to heads that are sent to a TCP port of *ports*, one a listener; 0: none.

        Of two listeners with one port the first counts.
        """

    def expect_head(self, connection: Connection, seq: int) -> None:
        """Follow *connection* from sequence number *seq* (modulo 2**32) on, where a head begins.

        It counts for the frames that the NIC receives from now on, and may for the last before.
        Raises :exc:`.NicError` where the NIC does not listen on the connection's port.
        """

    def exchange(self, frames: Sequence[bytes]) -> list[bytes]:
        """Receive *frames* from the wire; returns what the host gets of them, in order."""

    def counters(self) -> dict[str, int]:
        """The counters of the register map by name."""

    def close(self) -> None:
        """Let go of what the NIC holds; closing twice is harmless."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

"""RootlessLink: the way through the NIC for a process that owns sockets but no network interface.

The bytes that a listener receives are put back into the Ethernet frames that a wire would have
brought them in, sent through the NIC, and taken out again together with the verdicts.  Each chunk
of received bytes is a segment of its own (or more, by the MSS), so a head that the client sends in
two parts is cut just there on this wire too.  The verdict of such a head comes with its last part.

A NIC that fails costs verdicts, never bytes: what could not be sent through it has no verdict.
"""

import logging
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from ..contract.verdict import Verdict
from ..nic.driver import NicDriver
from ..nic.error import NicError
from ..nic.frames import Connection, split

__all__ = ["RootlessLink", "RootlessStream"]

_KEPT = 256
"""Verdicts kept per connection.  One forgotten is one request that the CPU matches."""

_log = logging.getLogger(__name__)


class RootlessLink:
    """A verdict source over *nic*, which must listen on the port that the connections come to.

    Attributes
    ----------
    failures : int
        Times that the NIC did not hand out what it was given, or did not take what it was told.
        The first of them is logged.
    """

    def __init__(self, nic: NicDriver) -> None:
        self._nic = nic
        self.failures = 0

    def open(
        self, peer: tuple[Any, ...], local: tuple[Any, ...], sock: object = None
    ) -> "RootlessStream":
        """The stream of a connection from socket address *peer* to *local*, IPv4 or IPv6; its
        *sock* is not needed."""
        return RootlessStream(self, Connection(peer[:2], local[:2]))

    def exchange(self, frames: Sequence[bytes]) -> list[Verdict | None]:
        """Send *frames* through the NIC; returns the verdict of each, none at all if it fails."""
        try:
            return self._exchange(frames)
        except NicError as error:
            self._failed(error)
            return []

    def expect_head(self, connection: Connection, seq: int) -> None:
        """Tell the NIC that *connection* goes on with a head at sequence number *seq*."""
        try:
            self._nic.expect_head(connection, seq)
        except NicError as error:
            self._failed(error)

    def _failed(self, error: NicError) -> None:
        if not self.failures:
            _log.warning("%s; the CPU matches what comes without a verdict", error)
        self.failures += 1

    def _exchange(self, frames: Sequence[bytes]) -> list[Verdict | None]:
        came = self._nic.exchange(frames)
        if len(came) != len(frames):
            raise NicError(f"The NIC handed out {len(came)} of {len(frames)} frames")
        verdicts = []
        for wire, host in zip(frames, came, strict=True):
            verdict, frame = split(host)
            if frame != wire:
                raise NicError("The NIC changed a frame beyond adding a shim")
            verdicts.append(verdict)
        return verdicts


class RootlessStream:
    """What one client sends: bytes through the NIC, verdicts by stream offset.

    Parameters
    ----------
    link : RootlessLink
    connection : Connection
    isn : int or None
        Initial sequence number; random if None.
    """

    def __init__(self, link: RootlessLink, connection: Connection, isn: int | None = None) -> None:
        self._link = link
        self._connection = connection
        # The SYN takes one sequence number (RFC 9293, 3.4).
        self._first = (secrets.randbits(32) if isn is None else isn) + 1
        self._received = 0
        self._verdicts: OrderedDict[int, Verdict] = OrderedDict()

    def received(self, data: bytes) -> bytes:
        """Send *data*, the next bytes of the stream, through the NIC; returns them as they came."""
        seq = self._first + self._received
        frames = self._connection.frames(seq, data)
        if not self._received:
            frames.insert(0, self._connection.opening(seq))
        for verdict in self._link.exchange(frames):
            if verdict is not None:
                # The head may have begun in bytes that were received before.
                away = (verdict.seq - seq + 0x80000000 & 0xFFFFFFFF) - 0x80000000
                self._keep(self._received + away, verdict)
        self._received += len(data)
        return data

    def verdict(self, offset: int) -> Verdict | None:
        """The verdict of the head that starts at *offset* of the stream, None if there is none.

        The stream has moved past all that stands before: it is forgotten.
        """
        verdicts = self._verdicts
        while verdicts:
            first = next(iter(verdicts))
            if first >= offset:
                return verdicts.get(offset)
            del verdicts[first]
        return None

    def head_at(self, offset: int) -> None:
        """Tell the NIC that a head begins at *offset* of the stream, of which no byte has come."""
        self._link.expect_head(self._connection, self._first + offset)

    def close(self) -> None:
        self._verdicts.clear()

    def _keep(self, offset: int, verdict: Verdict) -> None:
        self._verdicts[offset] = verdict
        if len(self._verdicts) > _KEPT:
            self._verdicts.popitem(last=False)

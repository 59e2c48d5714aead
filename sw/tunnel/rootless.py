"""RootlessLink: the way through the NIC for a process that owns sockets but no network interface.

The bytes that a listener receives are put back into the Ethernet frames that a wire would have
brought them in, sent through the NIC, and taken out again together with the verdicts.  Each chunk
of received bytes is a segment of its own (or more, by the MSS), so a head that the client sends in
two parts is cut just there on this wire too.
"""

import secrets
from collections import OrderedDict
from typing import Any

from ..contract.verdict import Verdict
from ..nic.driver import NicDriver, NicError
from ..nic.frames import Connection, split

__all__ = ["RootlessLink", "RootlessStream"]

_KEPT = 256
"""Verdicts kept per connection.  One forgotten is one request that the CPU matches."""


class RootlessLink:
    """A verdict source over *nic*, which must listen on the port that the connections come to."""

    def __init__(self, nic: NicDriver) -> None:
        self._nic = nic

    def open(self, peer: tuple[Any, ...], local: tuple[Any, ...]) -> "RootlessStream":
        """The stream of a connection from socket address *peer* to *local*, IPv4 or IPv6."""
        return RootlessStream(self._nic, Connection(peer[:2], local[:2]))


class RootlessStream:
    """What one client sends: bytes through the NIC, verdicts by stream offset.

    Parameters
    ----------
    nic : NicDriver
    connection : Connection
    isn : int or None
        Initial sequence number; random if None.
    """

    def __init__(self, nic: NicDriver, connection: Connection, isn: int | None = None) -> None:
        self._nic = nic
        self._connection = connection
        # The SYN takes one sequence number (RFC 9293, 3.4).
        self._first = (secrets.randbits(32) if isn is None else isn) + 1
        self._received = 0
        self._verdicts: OrderedDict[int, Verdict] = OrderedDict()

    def received(self, data: bytes) -> bytes:
        """Send *data*, the next bytes of the stream, through the NIC; returns them as they came.

        Raises
        ------
        NicError
            Where the NIC does not hand out what it was given.
        """
        seq = self._first + self._received
        sent = self._connection.frames(seq, data)
        came = self._nic.exchange(sent)
        if len(came) != len(sent):
            raise NicError(f"The NIC kept {len(sent) - len(came)} of {len(sent)} frames")
        for wire, host in zip(sent, came, strict=True):
            verdict, frame = split(host)
            if frame != wire:
                raise NicError("The NIC changed a frame beyond adding a shim")
            if verdict is not None:
                self._keep(self._received + (verdict.seq - seq & 0xFFFFFFFF), verdict)
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

    def close(self) -> None:
        self._verdicts.clear()

    def _keep(self, offset: int, verdict: Verdict) -> None:
        self._verdicts[offset] = verdict
        if len(self._verdicts) > _KEPT:
            self._verdicts.popitem(last=False)

"""InbandClient: the host's end of in-band control, without sockets and clocks of its own.

It gives the frames to be sent and takes those that have come; time comes in as an argument.  One
request is under way at a time, and sent again until it is answered: see
:mod:`hybridmesh.contract.inband` for why it is carried out once all the same.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..contract.inband import (
    LIMIT,
    NIC_ADDRESS,
    VERSION,
    Header,
    Kind,
    Step,
    frame,
    message,
    operations,
)
from ..contract.registers import VERSION as REGISTERS_VERSION
from .error import NicError, NicLostError

__all__ = ["Answer", "InbandClient"]

WAIT, LONGEST_WAIT = 0.001, 0.032
"""Seconds until a frame is sent again, at first; twice as many each time, up to the longest."""

TRIES = 24
"""Times that a frame is sent, over some 0.6 seconds: of frames of which every third has no answer,
not one in 10**11 is given up."""


@dataclass(frozen=True)
class Answer:
    """What a request has come to: the words it read, how many operations were carried out, and
    whether the next one was refused."""

    words: npt.NDArray[np.uint32]
    done: int
    refused: bool


class InbandClient:
    """One driver's sessions with the NIC at the other end of an interface.

    Parameters
    ----------
    address : bytes
        The interface's MAC address.
    interface : str
        Its name, for errors.
    numbers : callable
        Gives random 32-bit numbers.

    Attributes
    ----------
    answer : Answer or None
        Of the last request; None while it is under way.
    deadline : float or None
        When :meth:`late` is to be called, if no answer comes before.
    limit : int
        Most bytes of operations in a request, and of words in an answer; of the NIC, as soon as a
        request has been answered.

    Notes
    -----
    A client that has raised :exc:`NicError` has lost its session: it raises that error again with
    every request.
    """

    def __init__(
        self,
        address: bytes,
        interface: str,
        numbers: Callable[[], int] = lambda: secrets.randbits(32),
    ) -> None:
        self._address = address
        self._interface = interface
        self._numbers = numbers
        self.answer: Answer | None = None
        self.deadline: float | None = None
        self.limit = LIMIT
        self._error: NicError | None = None
        self._session, self._sequence = 0, 0
        self._opened = False  # the session's first sequence number is known
        self._held = False  # the NIC holds to the session
        self._body = b""
        self._frame = b""
        self._wait, self._tries, self._openings = WAIT, 0, 0

    def request(self, steps: Sequence[Step], now: float) -> bytes:
        """The frame that asks for *steps*, or that opens a session for them to begin with.

        A request of no steps makes sure that the NIC is there and holds to this session.

        Raises
        ------
        NicError
            Where an earlier request has failed.
        ValueError
            Where one is under way, or *steps* or their answer are more than :attr:`limit`.
        """
        if self._error is not None:
            raise self._error
        if self.deadline is not None:
            raise ValueError("A request is under way")
        body = operations(steps)
        if max(len(body), sum(step.answered for step in steps)) > self.limit:
            raise ValueError(f"A request and its answer hold at most {self.limit} bytes each")
        self.answer = None
        self._body = body
        self._openings = 0
        return self._ask(now) if self._opened else self._open(now)

    def receive(self, data: bytes, now: float) -> bytes | None:
        """Take the frame *data*, of whatever kind; returns the one that is to be sent then, if any.

        Raises
        ------
        NicError
            Where the NIC is of another release, was reset, or is another driver's by now.
        """
        came = message(data)
        if self.deadline is None or came is None:
            return None
        header = came.header
        if header.session != self._session or header.kind < Kind.OPENED:
            return None
        if header.version != VERSION:
            raise self._failed(
                f"The NIC speaks version {header.version} of in-band control, not {VERSION}",
                "use a NIC and a driver of the same release",
            )
        if not self._opened:
            return self._begin(header, now) if header.kind == Kind.OPENED else None
        if header.sequence != self._sequence or header.kind == Kind.OPENED:
            return None
        if header.kind == Kind.LOST:
            self._lose(header.owner, now)
            return None
        self._held = True
        self._sequence = (self._sequence + 1) % 2**32
        self.deadline = None
        words = np.frombuffer(came.body, dtype=">u4").astype(np.uint32)
        self.answer = Answer(words, header.done, header.kind == Kind.REFUSED)
        return None

    def late(self, now: float) -> bytes | None:
        """The frame that is to be sent again, if it is time to.

        Raises
        ------
        NicError
            Where it has been sent often enough.
        """
        if self.deadline is None or now < self.deadline:
            return None
        if self._tries == TRIES:
            raise self._failed(
                "The NIC does not answer any more" if self._held else "No NIC answers",
                f"see that {self._interface} is up and cabled to the host port of a HybridMesh NIC "
                "that is switched on",
                NicLostError,
            )
        self._tries += 1
        self._wait = min(2 * self._wait, LONGEST_WAIT)
        self.deadline = now + self._wait
        return self._frame

    def abandon(self) -> None:
        """Forget the request under way, of which it is not known whether it is carried out; the
        next one begins a session of its own."""
        self.deadline = None
        self._opened = False

    def _open(self, now: float) -> bytes:
        """The frame that opens a new session."""
        self._session = self._numbers() or 1
        self._opened = self._held = False
        self._openings += 1
        return self._prepare(Header(kind=Kind.OPEN, session=self._session), b"", now)

    def _begin(self, header: Header, now: float) -> bytes:
        """The first request of the session that the NIC has opened."""
        if header.registers != REGISTERS_VERSION:
            raise self._failed(
                f"The NIC has version {header.registers} of the register map, not "
                f"{REGISTERS_VERSION}",
                "use a NIC and a driver of the same release",
            )
        self._opened = True
        self._sequence = header.sequence
        self.limit = min(header.limit, LIMIT)
        return self._ask(now)

    def _ask(self, now: float) -> bytes:
        header = Header(kind=Kind.REQUEST, session=self._session, sequence=self._sequence)
        return self._prepare(header, self._body, now)

    def _prepare(self, header: Header, body: bytes, now: float) -> bytes:
        self._frame = frame(NIC_ADDRESS, self._address, header, body)
        self._wait, self._tries = WAIT, 1
        self.deadline = now + WAIT
        return self._frame

    def _lose(self, owner: int, now: float) -> None:
        """The NIC does not hold to the session.

        Before it ever has, another driver's open came between this one's and its first request:
        this one opens again, but not before the other has had the time for its own request.
        """
        if not self._held and self._openings < TRIES:
            self._open(now)
            return
        if owner:
            raise self._failed(
                "Another driver has taken the NIC over",
                f"let one driver alone use the NIC at {self._interface}, and start it again",
            )
        raise self._failed(
            "The NIC has been reset, and has lost its tables and listeners",
            "load it again, with a new session",
            NicLostError,
        )

    def _failed(self, problem: str, remedy: str, kind: type[NicError] = NicError) -> NicError:
        self.deadline = None
        self._error = kind(problem, place=self._interface, remedy=remedy)
        return self._error

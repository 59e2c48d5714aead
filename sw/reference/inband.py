"""Golden model of the NIC's end of in-band control; see :mod:`hybridmesh.contract.inband`."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hybridmesh.contract.inband import (
    LIMIT,
    NIC_ADDRESS,
    PATIENCE,
    VERSION,
    Code,
    Header,
    Kind,
    Message,
    Outcome,
    Step,
    frame,
    message,
    steps,
)
from hybridmesh.contract.registers import ADDRESS_BITS
from hybridmesh.contract.registers import VERSION as REGISTERS_VERSION

__all__ = ["Endpoint", "Registers"]


class Registers(Protocol):
    """A register map by byte address."""

    def read(self, address: int) -> int | None:
        """The word there; None where the map refuses."""

    def write(self, address: int, word: int) -> bool:
        """Whether the map has taken *word*."""


@dataclass(frozen=True)
class _Answer:
    kind: Kind
    done: int = 0
    body: bytes = b""


class Endpoint:
    """Carries out what control frames ask for.

    Parameters
    ----------
    registers : Registers
    start : callable
        Gives the sequence number that a session begins with, another one each time.

    Attributes
    ----------
    outcomes : Counter of Outcome
    session, sequence : int
        The session held to, 0 if none, and the sequence number of its next request.
    pending : tuple of int or None
        The session that an open has asked for since, and its first sequence number.
    """

    def __init__(self, registers: Registers, start: Callable[[], int]) -> None:
        self._registers = registers
        self._start = start
        self.outcomes: Counter[Outcome] = Counter()
        self.session, self.sequence = 0, 0
        self.pending: tuple[int, int] | None = None
        self._last = _Answer(Kind.DONE)

    def receive(self, data: bytes, *, error: bool = False) -> bytes | None:
        """Take the control frame *data*, with *error* marked bad; returns the answer, if any."""
        asked = None if error else message(data)
        if asked is None or not _is_sound(asked.header, asked.body):
            self.outcomes[Outcome.MALFORMED] += 1
            return None
        open_ = asked.header.kind == Kind.OPEN
        outcome, answer = self._opened(asked) if open_ else self._requested(asked)
        self.outcomes[outcome] += 1
        return answer

    def _opened(self, asked: Message) -> tuple[Outcome, bytes | None]:
        session = asked.header.session
        if session == self.session:
            return Outcome.STRAY, None
        if self.pending is None or self.pending[0] != session:
            self.pending = session, self._start()
        return Outcome.OPENED, self._answer(asked, self.pending[1], _Answer(Kind.OPENED))

    def _requested(self, asked: Message) -> tuple[Outcome, bytes | None]:
        session, sequence = asked.header.session, asked.header.sequence
        begins = (session, sequence) == self.pending
        if session != self.session and not begins:
            return Outcome.LOST, self._answer(asked, sequence, _Answer(Kind.LOST))
        if not begins and sequence == (self.sequence - 1) % 2**32:
            return Outcome.REPEATED, self._answer(asked, sequence, self._last)
        if not begins and sequence != self.sequence:
            return Outcome.STRAY, None
        todo = steps(asked.body)
        if todo is None:
            return Outcome.MALFORMED, None
        if begins:
            self.pending = None
        self.session, self.sequence = session, (sequence + 1) % 2**32
        self._last = self._execute(todo)
        return Outcome.EXECUTED, self._answer(asked, sequence, self._last)

    def _answer(self, asked: Message, sequence: int, answer: _Answer) -> bytes:
        header = Header(
            kind=answer.kind,
            session=asked.header.session,
            sequence=sequence,
            owner=self.session,
            limit=LIMIT,
            done=answer.done,
            registers=REGISTERS_VERSION,
        )
        return frame(asked.source, NIC_ADDRESS, header, answer.body)

    def _execute(self, todo: list[Step]) -> _Answer:
        body = bytearray()
        for done, step in enumerate(todo):
            if step.code is Code.WRITE:
                if not self._write(step):
                    return _Answer(Kind.REFUSED, done, bytes(body))
                continue
            for n in range(step.words):
                word = self._read(step.address + 4 * n * (step.code is Code.READ_RUN))
                if word is None:
                    return _Answer(Kind.REFUSED, done, bytes(body))
                body += word.to_bytes(4, "big")
        return _Answer(Kind.DONE, len(todo), bytes(body))

    def _write(self, step: Step) -> bool:
        if step.address >> ADDRESS_BITS:
            return False
        words = (step.data[at : at + 4] for at in range(0, len(step.data), 4))
        return all(self._registers.write(step.address, int.from_bytes(w, "big")) for w in words)

    def _read(self, address: int) -> int | None:
        if address >> ADDRESS_BITS:
            return None
        for _ in range(PATIENCE):
            if (word := self._registers.read(address)) is not None:
                return word
        return None


def _is_sound(header: Header, body: bytes) -> bool:
    """Whether the host may send a frame with *header*."""
    if not header.session:
        return False
    if header.kind == Kind.OPEN:
        return not body
    return header.kind == Kind.REQUEST and header.version == VERSION

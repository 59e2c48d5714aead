"""In-band control: a NIC's registers by Ethernet frames, for a host that has no other bus to them.

A control frame goes between the host and the NIC on the host's leg alone, never on the wire.
Behind the two MAC addresses it holds a header (:class:`Header`), ``length`` bytes of body, a CRC-32
(IEEE 802.3, lowest byte first) over header and body, and padding.  A request's body is a list of
operations (:class:`Operation`), an answer's the words that they have read.  All but the CRC is in
network byte order, and from the first byte of the frame on aligned to four bytes.

Exactly once, though frames are lost, repeated and overtake each other:

* The host opens a session with a random number.  The NIC answers with the sequence number of the
  session's first request, and changes nothing yet: not before that request comes does it leave the
  session that it holds to.  So a late ``open`` of a driver that has gone takes nothing over.
* Of the session that it holds to, the NIC carries out the request with the next sequence number and
  keeps the answer; it gives that answer again to a repetition of the last request, and passes over
  any other number.
* A request of any other session is answered by ``lost``, which names the session that the NIC holds
  to: none, if it was reset, or that of another driver.

A request is checked as a whole before its first operation is carried out.  What is not well formed
changes nothing and has no answer.  An ``open`` has the same form in all versions, and is answered
whatever its version is, so that host and NIC of different releases know of it.
"""

import enum
import zlib
from collections.abc import Iterable, Sequence
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt

from .record import Record, field
from .verdict import ETHERTYPE as SHIM_ETHERTYPE

__all__ = [
    "ADDRESSES",
    "ETHERTYPE",
    "HEADER",
    "LIMIT",
    "NIC_ADDRESS",
    "OPERATION",
    "PATIENCE",
    "PRIVATE",
    "SHORTEST",
    "VERSION",
    "Code",
    "Header",
    "Kind",
    "Message",
    "Operation",
    "Outcome",
    "Step",
    "frame",
    "is_control",
    "message",
    "operations",
    "read",
    "read_run",
    "steps",
    "write",
]

ETHERTYPE = 0x88B6
"""EtherType of control frames: IEEE 802 Local Experimental EtherType 2."""

VERSION = 1
"""Version of this format."""

PRIVATE = (SHIM_ETHERTYPE, ETHERTYPE)
"""EtherTypes that are between NIC and host alone: a frame from the wire that has one is dropped."""

NIC_ADDRESS = bytes.fromhex("0248594d5301")
"""The NIC's own MAC address, locally administered; a host may send to any other as well."""

ADDRESSES = 12
"""Bytes before the header: the two MAC addresses."""

SHORTEST = 60
"""Bytes of the shortest frame, without FCS; shorter ones are padded (IEEE 802.3, 3.2.8)."""

LIMIT = 1472
"""Most bytes of a body, with which a frame just fits an MTU of 1500."""

PATIENCE = 1024
"""Times that a word is asked for until it counts as refused: a word of the table has its memory to
wait for."""

_CRC_BYTES = 4
_KIND = ETHERTYPE.to_bytes(2, "big")


class Kind(enum.IntEnum):
    """What a control frame is; the NIC sends those from 0x80 on."""

    OPEN = 0x01
    REQUEST = 0x02
    OPENED = 0x81
    DONE = 0x82
    REFUSED = 0x83
    LOST = 0x84

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def meaning(self) -> str:
        return _KINDS[self]


_KINDS = {
    Kind.OPEN: "from the host: it wants to open a session; without a body",
    Kind.REQUEST: "from the host: operations to be carried out, in order",
    Kind.OPENED: "the session can begin, with the sequence number that this answer has",
    Kind.DONE: "all operations have been carried out",
    Kind.REFUSED: "the register map refused one; those before it were carried out, in a run the "
    "words before it too; none behind it",
    Kind.LOST: "the NIC does not hold to this session; nothing was carried out",
}


class Code(enum.IntEnum):
    """What an operation does."""

    WRITE = 1
    READ = 2
    READ_RUN = 3

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def meaning(self) -> str:
        return _CODES[self]


_CODES = {
    Code.WRITE: "write the words that follow, in order, all to the one address",
    Code.READ: f"read so many words at the one address; a word that is refused is asked for up to "
    f"{PATIENCE} times",
    Code.READ_RUN: "read the word at the address and those of the registers that follow, likewise",
}


class Outcome(enum.Enum):
    """What becomes of a control frame from the host: exactly one of these."""

    EXECUTED = "its operations were carried out, at least up to one that was refused"
    OPENED = "an open was answered"
    REPEATED = "the answer before was given again"
    LOST = "it is of a session that the NIC does not hold to"
    STRAY = "it was passed over: out of sequence, or an open of the session that the NIC holds to"
    MALFORMED = "it was dropped: bad, cut off, or not of this format"
    MISSED = "it was dropped: the one before it was not answered yet"

    @property
    def word(self) -> str:
        return self.name.lower()


class Header(NamedTuple):
    """Header of a control frame.  Where nothing is said of a request's field, it is 0."""

    ethertype: Annotated[int, field(16, "EtherType of control frames, 0x88B6")] = ETHERTYPE
    version: Annotated[int, field(8, "version of this format")] = VERSION
    kind: Annotated[int, field(8, "what this is")] = Kind.REQUEST
    session: Annotated[int, field(32, "a number that the host picks at random, not 0")] = 0
    sequence: Annotated[
        int, field(32, "of a request in its session; of an answer, that of its request")
    ] = 0
    owner: Annotated[int, field(32, "of an answer: the session that the NIC holds to; 0: none")] = 0
    length: Annotated[int, field(16, "bytes of body, a multiple of 4")] = 0
    limit: Annotated[
        int, field(16, "of an answer: most bytes of a body, of requests and of answers")
    ] = 0
    done: Annotated[
        int, field(16, "of an answer: operations carried out; of refused, also which was refused")
    ] = 0
    registers: Annotated[int, field(16, "of an answer: version of the register map")] = 0


class Operation(NamedTuple):
    """Head of an operation; of a write, its words follow."""

    code: Annotated[int, field(16, "what to do")] = Code.WRITE
    words: Annotated[int, field(16, "words to be written or read, 1 at least")] = 0
    address: Annotated[int, field(32, "byte address in the register map")] = 0


HEADER = Record(Header)
OPERATION = Record(Operation)
assert HEADER.size == 24
assert OPERATION.size == 8


class Step(NamedTuple):
    """An operation with the words that it writes, as bytes in network byte order."""

    code: Code
    address: int
    words: int
    data: bytes = b""

    @property
    def size(self) -> int:
        """Bytes in a request."""
        return OPERATION.size + len(self.data)

    @property
    def answered(self) -> int:
        """Bytes in the answer."""
        return 0 if self.code is Code.WRITE else 4 * self.words


def write(address: int, words: Sequence[int] | npt.NDArray[np.uint32]) -> Step:
    """Write all of *words* to the one *address*, in order."""
    return Step(Code.WRITE, address, len(words), np.asarray(words).astype(">u4").tobytes())


def read(address: int, count: int = 1) -> Step:
    """Read *count* words at the one *address*."""
    return Step(Code.READ, address, count)


def read_run(address: int, count: int) -> Step:
    """Read *count* registers from *address* on."""
    return Step(Code.READ_RUN, address, count)


def operations(steps: Iterable[Step]) -> bytes:
    """The body of a request for *steps*."""
    parts = (
        OPERATION.pack(Operation(step.code, step.words, step.address)) + step.data for step in steps
    )
    return b"".join(parts)


def steps(body: bytes) -> list[Step] | None:
    """The steps that a request's *body* asks for; None where it is not well formed, or asks for
    more than an answer holds."""
    found: list[Step] = []
    at = 0
    while at < len(body):
        if len(body) - at < OPERATION.size:
            return None
        code, words, address = OPERATION.unpack(body, at)
        if code not in _CODE_NUMBERS or not words:
            return None
        at += OPERATION.size
        end = at + 4 * words if code == Code.WRITE else at
        if end > len(body):
            return None
        found.append(Step(Code(code), address, words, body[at:end]))
        at = end
    return found if sum(step.answered for step in found) <= LIMIT else None


_CODE_NUMBERS = frozenset(map(int, Code))


class Message(NamedTuple):
    """What a control frame says, and whom it is from."""

    header: Header
    body: bytes
    source: bytes


def frame(destination: bytes, source: bytes, header: Header, body: bytes = b"") -> bytes:
    """The control frame with *header*, whose length is set, and *body*; MAC addresses first."""
    covered = HEADER.pack(header._replace(length=len(body))) + body
    checksum = zlib.crc32(covered).to_bytes(_CRC_BYTES, "little")
    return (destination + source + covered + checksum).ljust(SHORTEST, b"\0")


def is_control(frame: bytes) -> bool:
    """Whether *frame* has the EtherType of control frames."""
    return frame[ADDRESSES : ADDRESSES + 2] == _KIND


def message(frame: bytes) -> Message | None:
    """What the control frame *frame* says, of whatever version and kind; None where it is no such
    frame, cut off or damaged."""
    if not is_control(frame) or len(frame) < ADDRESSES + HEADER.size:
        return None
    header = HEADER.unpack(frame, ADDRESSES)
    body = ADDRESSES + HEADER.size
    end = body + header.length
    checksum = frame[end : end + _CRC_BYTES]
    if len(checksum) < _CRC_BYTES or header.length % 4 or header.length > LIMIT:
        return None
    if zlib.crc32(frame[ADDRESSES:end]) != int.from_bytes(checksum, "little"):
        return None
    return Message(header, frame[body:end], frame[6:ADDRESSES])


assert ADDRESSES + HEADER.size + LIMIT + _CRC_BYTES <= 14 + 1500

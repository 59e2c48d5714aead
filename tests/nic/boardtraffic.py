"""Random traffic at both ports of a board at once, and what the golden models say of it."""

import random
from collections import deque
from collections.abc import Iterator

from emulation import BoardLink, driver, finished

from hybridmesh.contract.inband import (
    HEADER,
    NIC_ADDRESS,
    Header,
    Kind,
    Outcome,
    frame,
    is_control,
    operations,
    read,
    read_run,
    write,
)
from hybridmesh.contract.registers import (
    BOARD_COUNTERS,
    LINKS,
    register,
)
from hybridmesh.contract.verdict import SHIM
from hybridmesh.nic import ReferenceNic
from hybridmesh.nic.emulated import EmulatedBoard
from hybridmesh.nic.frames import SHORTEST, split
from hybridmesh.reference.inband import Endpoint
from tb.lib.conversations import conversations
from tb.lib.traffic import PORT, table

__all__ = ["Scenario", "timeless"]

LINKS_UP = 0x0D0D
SCRATCH = {name: register(name).address for name in ("flow_hash", "listen_port_7", "table_address")}
"""Registers that can be written without a change to what becomes of frames."""

HOST = b"\2\0\0\0\0\7"
UNKNOWN = 0
"""The first sequence number of a session that the board has not told yet; its clock is past it."""


def timeless(got: bytes) -> bytes:
    """What the host got, without the time that a verdict has taken."""
    verdict, original = split(got)
    if verdict is None:
        return got
    return got[:12] + SHIM.pack(verdict._replace(latency=0)) + original[12:]


class Registers:
    """Those of a board with a table that stay as they are, and some to write to."""

    def __init__(self, board: EmulatedBoard) -> None:
        words = {"id": 0x48594D53, "version": 2, "control": 1, "links": LINKS_UP}
        self._words = {register(name).address: word for name, word in words.items()}
        for name in ("geometry_a", "geometry_b", "geometry_c"):
            sizes = (b.put(getattr(board.geometry, b.name)) for b in register(name).bits)
            self._words[register(name).address] = sum(sizes)
        self.written = dict.fromkeys(SCRATCH.values(), 0)
        last = board.geometry.spaces[-1]  # with which a load has ended
        self.written[SCRATCH["table_address"]] = last.base + last.words

    def addresses(self) -> list[int]:
        """Of registers that are known but for switches, and a few where there is none."""
        known = self._words.keys() - {register("control").address}
        none = (0x018, 0x0FC, 0x1FC, 0x3FC, 0xFFC, 0x1000, 0x80000004)
        return [*sorted(known), *self.written, *none]

    def read(self, address: int) -> int | None:
        return self.written.get(address, self._words.get(address))

    def write(self, address: int, word: int) -> bool:
        if address not in self.written:
            return False
        port = address == SCRATCH["listen_port_7"]
        self.written[address] = word & 0xFFFF if port else word
        return True


class Scenario:
    """Loads a table, then lets everybody talk at once.

    Attributes
    ----------
    to_host, to_wire : list of bytes
        What came out, but for answers to control frames.
    expected_to_host, expected_to_wire : list of bytes
    endpoint : Endpoint
        It has heard all control frames but those of the drivers before and after.
    """

    def __init__(self, board: EmulatedBoard, rng: random.Random) -> None:
        self._board, self._rng = board, rng
        self._model = ReferenceNic(board.geometry)
        self._registers = Registers(board)
        self.endpoint = Endpoint(self._registers, lambda: UNKNOWN)
        self._sent: deque[bytes] = deque(maxlen=3)
        self._before = BoardLink(board)
        control = driver(self._before)
        image = table(board.geometry)
        assert control.load(image) == self._model.load(image)
        control.listen(PORT, 8080)
        held = HEADER.unpack(self._before.last, 12)
        self.endpoint.session, self.endpoint.sequence = held.session, held.sequence + 1
        self._model.listen(PORT, 8080)
        self.to_host: list[bytes] = []
        self.to_wire: list[bytes] = []
        self.expected_to_host: list[bytes] = []
        self.expected_to_wire: list[bytes] = []
        self._puts = {"wire": 0, "host": 0}
        self._too_long = {"wire": 0, "host": 0}
        self._too_long_to_send = 0
        self._answers = 0

    def play(self, count: int) -> None:
        """*count* frames from the wire, about as many from the host, control frames among them."""
        board, rng = self._board, self._rng
        wire = self._wire_frames(count)
        host = self._host_frames(count)
        waits: bytes | None = None  # a control frame that has no answer yet
        more = {"wire": True, "host": True}
        while any(more.values()) or waits is not None:
            while more["wire"] and board.waiting("wire") < 4:
                more["wire"] = (data := next(wire, None)) is not None
                if data is not None:
                    self._from_wire(data)
            while more["host"] and board.waiting("host") < 4:
                if waits is None and rng.random() < 0.2:
                    waits = self._ask()
                more["host"] = (data := next(host, None)) is not None
                if data is not None:
                    self._from_host(data)
            board.run(400)
            self.to_wire += board.take("wire")
            for data in board.take("host"):
                if is_control(data):
                    assert waits is not None
                    self._answered(waits, data)
                    waits = None
                else:
                    self.to_host.append(data)
        finished(board)
        self.to_wire += board.take("wire")
        self.to_host += board.take("host")

    def counters(self) -> dict[str, int]:
        """What the board has counted, in a new session."""
        self._after = BoardLink(self._board)
        return driver(self._after, 2).counters()

    def expected_counters(self) -> dict[str, int]:
        """All of them, as a driver reads them that asked before it and is not answered yet."""
        outcomes = self.endpoint.outcomes
        others = self._before.sent + self._after.sent
        counted = {counter.name: 0 for counter in BOARD_COUNTERS}
        counted |= {f"control_{outcome.word}": outcomes[outcome] for outcome in Outcome}
        counted["control_opened"] += 2
        counted["control_executed"] += others - 3
        long, cut = self._too_long, self._too_long_to_send
        counted |= {
            "wire_rx_frames": self._puts["wire"] - long["wire"],
            "wire_rx_oversize": long["wire"],
            "wire_tx_frames": len(self.expected_to_wire),
            "wire_tx_oversize": cut + long["host"],
            "host_rx_frames": self._puts["host"] - long["host"] + others,
            "host_rx_oversize": long["host"],
            "host_tx_frames": len(self.expected_to_host) + self._answers + others - 1,
        }
        return self._model.counters() | counted

    def _wire_frames(self, count: int) -> Iterator[bytes]:
        """Conversations, with some frames between them that are as long as may be, or longer."""
        rng, longest = self._rng, self._board.geometry.max_frame
        for data in conversations(rng, count, (PORT, 8080)):
            yield data
            if rng.random() < 0.02:
                yield data.ljust(longest, b"\0") + bytes(rng.choice((0, 1, 500)))

    def _from_wire(self, data: bytes) -> None:
        rng, board = self._rng, self._board
        # Far enough from the next one for a shim on the host's side, and for answers now and then.
        board.put("wire", data, rng.choice((52, 52, 60, 300)))
        self._puts["wire"] += 1
        longest = board.geometry.max_frame
        long = len(data) > longest
        self._too_long["wire"] += long
        padded = data[:longest].ljust(SHORTEST, b"\0")
        if (expected := self._model.receive(padded, error=long)) is not None:
            self.expected_to_host.append(expected)

    def _host_frames(self, count: int) -> Iterator[bytes]:
        """Anything but control frames; the shim's EtherType is nothing special here."""
        rng, longest = self._rng, self._board.geometry.max_frame
        for _ in range(count):
            size = rng.choice((14, 60, rng.randrange(14, 200), rng.randrange(14, 1515)))
            if rng.random() < 0.03:
                size = longest + rng.choice((0, 1, 40, 41, 90))
            kind = rng.choice((b"\x08\x00", b"\x88\xb5", b"\x88\xb7", b"\x81\x00\x00\x07\x88\xb6"))
            yield (rng.randbytes(12) + kind + rng.randbytes(size))[:size]

    def _from_host(self, data: bytes) -> None:
        self._board.put("host", data)
        self._puts["host"] += 1
        longest = self._board.geometry.max_frame
        if len(data) > longest + SHIM.size:
            self._too_long["host"] += 1
        elif len(data) > longest:
            self._too_long_to_send += 1
        else:
            self.expected_to_wire.append(data.ljust(SHORTEST, b"\0"))

    def _ask(self) -> bytes | None:
        """Send a control frame; returns the answer that is due, if one is."""
        data = self._control()
        self._board.put("host", data)
        self._puts["host"] += 1
        self._sent.append(data)
        return self.endpoint.receive(data)

    def _answered(self, expected: bytes, got: bytes) -> None:
        self._answers += 1
        header = HEADER.unpack(got, 12)
        if self.endpoint.pending == (header.session, UNKNOWN):  # the board has chosen
            self.endpoint.pending = header.session, header.sequence
            body = HEADER.unpack(expected, 12)._replace(sequence=header.sequence)
            expected = frame(expected[:6], expected[6:12], body)
        assert got == expected

    def _control(self) -> bytes:
        """One that is good, or good but for one thing."""
        rng, model = self._rng, self.endpoint
        session, sequence = model.session, model.sequence
        if model.pending is not None:
            session, sequence = model.pending
        kinds = ("next", "open", "again", "session", "sequence", "spoiled")
        kind = rng.choices(kinds, (60, 8, 12, 5, 5, 10))[0]
        if kind == "open" or not session:
            new = rng.choice((rng.getrandbits(32) or 1, session or 1))
            return frame(NIC_ADDRESS, HOST, Header(kind=Kind.OPEN, session=new))
        if kind == "again" and self._sent:
            return rng.choice(self._sent)
        if kind == "session":
            session ^= 1 << rng.randrange(32)
        if kind == "sequence":
            sequence = (sequence + rng.choice((-2, 1, 77))) % 2**32
        data = frame(NIC_ADDRESS, HOST, Header(session=session, sequence=sequence), self._steps())
        if kind == "spoiled":
            at = rng.randrange(14, len(data) - 20)
            data = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        return data

    def _steps(self) -> bytes:
        rng, registers = self._rng, self._registers
        todo = []
        for _ in range(rng.randrange(1, 6)):
            words = rng.choice((1, 1, 2, 5, 40))
            if rng.random() < 0.4:
                at = rng.choice([*registers.written] * 9 + registers.addresses())
                todo.append(write(at, [rng.getrandbits(32) for _ in range(words)]))
            else:
                at = rng.choice([*registers.addresses(), register("table_data").address])
                run = at != LINKS.address  # behind which there may be more than is known here
                todo.append(rng.choice((read, read_run if run else read))(at, words))
        return operations(todo)

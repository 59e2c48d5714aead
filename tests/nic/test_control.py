"""RegisterControl against a bus that keeps a record of what was asked of it."""

import zlib

import numpy as np
import pytest

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import COUNTERS, REGISTERS, register
from hybridmesh.contract.table import TableImage
from hybridmesh.nic import NicError
from hybridmesh.nic.control import RegisterControl
from hybridmesh.nic.frames import Connection

GEOMETRY = Geometry(rows=32, hosts=16, predicates=16)


class StubBus:
    """Registers of a NIC of GEOMETRY, and a bank that takes words and gives them back.

    ``pending`` and ``reading`` say how many reads of ``status`` find them so, with each load and
    each word; ``telling`` how many find it so at first; ``spoil`` changes a word on its way into
    the bank.
    """

    def __init__(
        self, pending: int = 0, reading: int = 0, telling: int = 0, spoil=lambda _, word: word
    ) -> None:
        self.log: list[tuple[str, object]] = []
        self.pending, self.reading, self.telling, self.spoil = pending, reading, telling, spoil
        self.busy = 0
        self.bank: dict[int, int] = {}
        self.sent = b""
        self.words = {
            "id": 0x48594D53,
            "version": 2,
            "geometry_a": 16 << 20 | 32 << 8 | 8,
            "geometry_b": 64 << 20 | 64 << 10 | 64,
            "geometry_c": 2048 << 8 | 16,
            "status": 0,
        } | {counter.name: n for n, counter in enumerate(COUNTERS)}
        self.names = {r.address: r.name for r in REGISTERS}

    def read(self, address: int) -> int:
        name = self.names[address]
        if name == "status":
            flags = (self.tick(field) for field in ("pending", "reading", "telling"))
            return self.words[name] | sum(flag << 16 + n for n, flag in enumerate(flags))
        if name == "spare_checksum":
            return zlib.crc32(self.sent)
        if name == "read_data":
            assert not self.busy, "read before it was there"
            self.busy = self.reading
            self.words["read_address"] += 1
            return self.bank[self.words["read_address"] - 1]
        return self.words[name]

    def tick(self, field: str) -> bool:
        if field == "pending":
            self.pending -= 1
            return self.pending >= 0
        if field == "telling":
            self.telling -= 1
            return self.telling >= 0
        self.busy = max(self.busy - 1, 0)
        return self.busy > 0

    def write(self, address: int, value: int) -> None:
        self.write_many(address, np.array([value]))

    def write_many(self, address: int, values) -> None:
        name = self.names[address]
        self.log.append((name, values.tolist()))
        for value in values.tolist():
            word = self.spoil(name, value)
            if name == "table_begin":
                self.sent = b""
            if name in ("table_address", "table_data"):
                self.sent += word.to_bytes(4, "little")
            if name == "table_data":
                self.bank[self.words["table_address"]] = word
                self.words["table_address"] += 1
            elif name == "table_commit":
                self.words["status"] = word
            else:
                self.words[name] = word


def test_a_table_is_written_space_by_space_then_committed_then_switched_on():
    bus = StubBus()
    image = TableImage(GEOMETRY)
    assert RegisterControl(bus, GEOMETRY).load(image) == 1
    names = [name for name, _ in bus.log]
    loads = ["table_address", "table_data"] * len(GEOMETRY.spaces)
    assert names == ["table_begin", *loads, "table_commit", "control"]
    written = [values for name, values in bus.log if name == "table_address"]
    assert written == [[space.number << 24] for space in GEOMETRY.spaces]
    data = [values for name, values in bus.log if name == "table_data"]
    assert [len(words) for words in data] == [space.words for space in GEOMETRY.spaces]
    assert data[0][:17] == [0xFFFFFFFF] * 16 + data[0][16:17]
    assert bus.log[-2:] == [("table_commit", [1]), ("control", [1])]


@pytest.mark.parametrize("register_name", ["table_address", "table_data"])
def test_a_table_that_arrives_changed_is_not_taken_over(register_name):
    countdown = iter(range(3, -(10**6), -1))

    def spoil(name: str, word: int) -> int:
        return word ^ (name == register_name and next(countdown) == 0)

    bus = StubBus(spoil=spoil)
    control = RegisterControl(bus, GEOMETRY)
    with pytest.raises(NicError, match=r"did not reach the NIC whole.*before it stays in use"):
        control.load(TableImage(GEOMETRY))
    assert "table_commit" not in dict(bus.log)
    assert control.load(TableImage(GEOMETRY)) == 1


def test_a_load_that_broke_off_leaves_no_trace_in_the_next():
    bus = StubBus()
    bus.write(register("table_address").address, 5)
    bus.write_many(register("table_data").address, np.array([1, 2, 3]))
    control = RegisterControl(bus, GEOMETRY)
    assert control.load(TableImage(GEOMETRY)) == 1
    control.verify()


def test_a_load_waits_for_the_commit_before_it():
    bus = StubBus(pending=3)
    control = RegisterControl(bus, GEOMETRY)
    bus.pending = 3
    control.load(TableImage(GEOMETRY))
    assert bus.pending == -1


@pytest.mark.parametrize(("before", "after"), [(0, 1), (7, 8), (0xFFFE, 0xFFFF), (0xFFFF, 1)])
def test_the_epoch_follows_the_one_that_the_nic_has(before, after):
    bus = StubBus()
    bus.words["status"] = before
    assert RegisterControl(bus, GEOMETRY).load(TableImage(GEOMETRY)) == after


def test_a_commit_that_never_ends_is_an_error():
    bus = StubBus(pending=10**9)
    with pytest.raises(NicError, match=r"last commit waits for does not end"):
        RegisterControl(bus, GEOMETRY).load(TableImage(GEOMETRY))
    assert bus.log == []


@pytest.mark.parametrize("reading", [0, 5])
def test_a_table_is_read_back_word_by_word(reading):
    bus = StubBus(reading=reading)
    control = RegisterControl(bus, GEOMETRY)
    control.load(TableImage(GEOMETRY))
    control.verify()
    place = GEOMETRY.word.base + 77
    bus.bank[place] ^= 0x100
    with pytest.raises(NicError, match=r"word 77 of table space word: The NIC holds 0x"):
        control.verify()
    control.load(TableImage(GEOMETRY))
    control.verify()


def test_a_table_that_is_not_there_to_read_is_an_error():
    bus = StubBus()
    control = RegisterControl(bus, GEOMETRY)
    with pytest.raises(NicError, match="No table has been loaded"):
        control.verify()
    control.load(TableImage(GEOMETRY))
    bus.reading = 10**9
    with pytest.raises(NicError, match=r"status.reading: The NIC does not read its table back"):
        control.verify()
    bus.words["status"] = 2
    with pytest.raises(NicError, match="uses a table of epoch 2, not 1"):
        control.verify()


@pytest.mark.parametrize(
    ("name", "word", "message"),
    [
        ("id", 0, "No HybridMesh NIC answers"),
        ("version", 1, "version 1 of the register map"),
        ("geometry_a", 16 << 20 | 32 << 8 | 4, "built with width 4, not 8"),
        ("geometry_b", 64 << 20 | 64 << 10 | 32, "built with path_bytes 32, not 64"),
        ("geometry_c", 1024 << 8 | 16, "built with max_frame 1024, not 2048"),
    ],
)
def test_another_nic_than_expected_is_refused(name, word, message):
    bus = StubBus()
    bus.words[name] = word
    with pytest.raises(NicError, match=message):
        RegisterControl(bus, GEOMETRY)


def test_each_listener_has_its_port():
    bus = StubBus()
    control = RegisterControl(bus, GEOMETRY)
    for ports in ((80, 8080), (443,), ()):
        control.listen(*ports)
        written = [bus.words[f"listen_port_{n}"] for n in range(8)]
        assert written == [*ports, *[0] * (8 - len(ports))]
    with pytest.raises(NicError, match="at most 8 ports, not 9"):
        control.listen(*range(9))


def test_a_connection_is_told_of_when_the_one_before_it_has_been_taken():
    bus = StubBus(telling=3)
    control = RegisterControl(bus, GEOMETRY)
    control.listen(443, 80)
    bus.log.clear()
    # 192.0.2.7 ^ 198.51.100.1 = 6.51.102.6; port 40000 is 0x9c40; listener 1.
    flow = 0x06336606 ^ 0x9C409C40 ^ 1 << 28
    for seq, before in ((1, 0), (0, 0xFFFFFFFF), (0x1_0000_0001, 0)):
        control.expect_head(Connection(("192.0.2.7", 40000), ("198.51.100.1", 80)), seq)
        assert bus.log[-2:] == [("flow_hash", [flow]), ("flow_syn", [before])]
        assert bus.telling < 0
    assert len(bus.log) == 6
    bus.telling = 10**9
    with pytest.raises(NicError, match=r"status.telling: .*leave no time"):
        control.expect_head(Connection(("192.0.2.7", 40000), ("198.51.100.1", 80)), 1)
    assert len(bus.log) == 6


def test_counters_go_by_their_names():
    counters = RegisterControl(StubBus(), GEOMETRY).counters()
    assert counters["frames_in"] == 0
    assert counters["oversize"] == 8
    assert len(counters) == len(COUNTERS)

"""RegisterControl against a bus that keeps a record of what was asked of it."""

import pytest

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import COUNTERS, register
from hybridmesh.contract.table import TableImage
from hybridmesh.nic import NicError
from hybridmesh.nic.control import RegisterControl

GEOMETRY = Geometry(rows=32, hosts=16, predicates=16)


class StubBus:
    """Registers of a NIC of GEOMETRY; ``pending`` says how often a commit is still under way."""

    def __init__(self, pending: int = 0) -> None:
        self.log: list[tuple[str, object]] = []
        self.pending = pending
        self.words = {
            "id": 0x48594D53,
            "version": 1,
            "geometry_a": 16 << 20 | 32 << 8 | 8,
            "geometry_b": 64 << 20 | 64 << 10 | 64,
            "geometry_c": 2048 << 8 | 16,
            "status": 0,
        } | {counter.name: n for n, counter in enumerate(COUNTERS)}
        self.names = {address.address: address.name for address in map(register, self.words)}

    def read(self, address: int) -> int:
        name = self.names[address]
        if name == "status" and self.log:
            self.pending -= 1
            return self.words[name] | (self.pending >= 0) << 16
        return self.words[name]

    def write(self, address: int, value: int) -> None:
        self.log.append((hex(address), value))

    def write_many(self, address, values) -> None:
        self.log.append((hex(address), list(values)))


def test_a_table_is_written_space_by_space_then_committed_then_switched_on():
    bus = StubBus(pending=3)
    image = TableImage(GEOMETRY)
    assert RegisterControl(bus, GEOMETRY).load(image) == 1
    addresses = [value for where, value in bus.log if where == "0x20"]
    assert addresses == [space << 24 for space in range(6)]
    data = [value for where, value in bus.log if where == "0x24"]
    assert [len(words) for words in data] == [2048, 2048, 2048, 128, 16, 32]
    assert data[0][:16] == [0xFFFFFFFF] * 16
    assert bus.log[-2:] == [("0x28", 1), ("0x14", 1)]
    assert bus.pending == -1


@pytest.mark.parametrize(("before", "after"), [(0, 1), (7, 8), (0xFFFE, 0xFFFF), (0xFFFF, 1)])
def test_the_epoch_follows_the_one_that_the_nic_has(before, after):
    bus = StubBus()
    bus.words["status"] = before
    assert RegisterControl(bus, GEOMETRY).load(TableImage(GEOMETRY)) == after


def test_a_commit_that_never_ends_is_an_error():
    with pytest.raises(NicError, match="does not finish a table commit"):
        RegisterControl(StubBus(pending=10**9), GEOMETRY).load(TableImage(GEOMETRY))


@pytest.mark.parametrize(
    ("name", "word", "message"),
    [
        ("id", 0, "No HybridMesh NIC answers"),
        ("version", 2, "version 2 of the register map"),
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


def test_counters_go_by_their_names():
    counters = RegisterControl(StubBus(), GEOMETRY).counters()
    assert counters["frames_in"] == 0
    assert counters["oversize"] == 8
    assert len(counters) == 9

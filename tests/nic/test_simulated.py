"""SimulatedNic: the same frames, verdicts and counters as ReferenceNic, from the real RTL."""

import random
import subprocess

import pytest
from nicclient import HEAD, WIRE, first

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import register
from hybridmesh.contract.table import TableImage
from hybridmesh.contract.verdict import SHIM, State
from hybridmesh.nic import NicError, ReferenceNic, SimulatedNic
from hybridmesh.nic.control import RegisterControl
from hybridmesh.nic.frames import split
from hybridmesh.nic.simulated import _Library
from tb.lib.conversations import conversations
from tb.lib.traffic import PORT, table

GEOMETRY = Geometry()


@pytest.fixture
def nic():
    with SimulatedNic(GEOMETRY) as nic:
        nic.listen(PORT)
        yield nic


def timeless(frame: bytes) -> bytes:
    verdict, original = split(frame)
    if verdict is None:
        return frame
    return frame[:12] + SHIM.pack(verdict._replace(latency=0)) + original[12:]


def test_random_frames_come_out_as_of_the_reference(nic):
    rng = random.Random(1)
    model = ReferenceNic(GEOMETRY)
    model.listen(PORT)
    for canary in ("yes", "always"):
        image = table(GEOMETRY, canary)
        assert nic.load(image) == model.load(image)
        frames = list(conversations(rng, 700))
        came, expected = nic.exchange(frames), model.exchange(frames)
        for got, wanted in zip(came, expected, strict=True):
            assert timeless(got) == wanted, (split(got), split(wanted)[0])
    assert nic.counters() == model.counters()
    # No frame of a driver comes with the MAC's mark, and few are too short or too long.
    rare = {"errors", "runts", "oversize"}
    assert {name for name, count in nic.counters().items() if not count} <= rare


def test_a_verdict_says_how_many_cycles_it_took(nic):
    nic.load(table(GEOMETRY))
    verdict, _ = split(first(nic))
    assert verdict.state is State.DECIDED
    beats = -(-(54 + len(HEAD)) // GEOMETRY.width)
    assert beats < verdict.latency < beats + 60


def test_one_frame_takes_no_longer_than_it_must(nic):
    nic.load(table(GEOMETRY))
    nic.exchange([WIRE.opening(1)])
    before = nic.cycles
    nic.exchange([WIRE.frame(1, HEAD)])
    assert nic.cycles - before < 100


def test_dropped_frames_are_waited_for_and_accounted(nic):
    frame = WIRE.frame(1, HEAD)
    spoofed = frame[:12] + b"\x88\xb5" + frame[14:]
    out = nic.exchange([spoofed, frame, spoofed])
    assert [split(got)[1] for got in out] == [frame]
    assert nic.exchange([spoofed]) == []
    assert nic.counters()["spoofed"] == 3


def test_a_large_batch_and_large_frames_fit(nic):
    frames = [WIRE.frame(1, HEAD + bytes(8000))] * 20 + [WIRE.frame(1, HEAD)] * 500
    out = nic.exchange(frames)
    assert [split(got)[1] for got in out] == frames
    assert nic.exchange([]) == []


def test_two_nics_know_nothing_of_each_other(nic):
    with SimulatedNic(GEOMETRY) as other:
        nic.load(table(GEOMETRY))
        assert other.exchange([WIRE.frame(1, HEAD)]) == [WIRE.frame(1, HEAD)]
        assert nic.counters()["frames_in"] == 0


def test_a_table_for_another_geometry_is_refused(nic):
    with pytest.raises(NicError, match="another geometry"):
        nic.load(TableImage(Geometry(rows=32)))


def test_a_table_that_does_not_arrive_whole_is_not_used(nic, monkeypatch):
    assert nic.load(table(GEOMETRY)) == 1
    before = first(nic)
    write_many = nic._bus.write_many

    def spoil(address, values):
        write_many(address, values ^ (len(values) == GEOMETRY.word.words))

    monkeypatch.setattr(nic._bus, "write_many", spoil)
    with pytest.raises(NicError, match="did not reach the NIC whole"):
        nic.load(table(GEOMETRY, "always"))
    assert first(nic) == before
    monkeypatch.undo()
    assert nic.load(table(GEOMETRY)) == 2


def test_a_load_that_broke_off_leaves_no_trace_in_the_next(nic):
    nic.load(table(GEOMETRY))
    expected, _ = split(first(nic))
    for space, words in table(GEOMETRY, "always").words():
        nic._bus.write(register("table_address").address, space.base)
        nic._bus.write_many(register("table_data").address, words[: len(words) // 2 + 1])
    again = RegisterControl(nic._bus, GEOMETRY)
    assert [again.load(table(GEOMETRY)), again.load(table(GEOMETRY))] == [2, 3]
    assert split(first(nic))[0] == expected._replace(epoch=3)


def test_the_table_is_read_back_word_by_word(nic):
    with pytest.raises(NicError, match="No table has been loaded"):
        nic.verify()
    nic.load(table(GEOMETRY))
    nic.verify()
    image = table(GEOMETRY, "always")
    nic.load(image)
    nic.verify()
    image.header.mismatch[3, 1, 6, 1] ^= True  # the image, as it was not loaded
    with pytest.raises(NicError, match=r"word \d+ of table space header: The NIC holds 0x"):
        nic.verify()


@pytest.mark.parametrize("space", GEOMETRY.spaces, ids=lambda space: space.name)
def test_a_word_that_the_table_does_not_have_is_refused(nic, space):
    beyond = space.base + space.words
    nic._bus.write(register("table_address").address, beyond)
    with pytest.raises(NicError, match="refuses the access"):
        nic._bus.write(register("table_data").address, 1)
    nic._bus.write(register("read_address").address, beyond)
    with pytest.raises(NicError, match="refuses the access"):
        nic._bus.read(register("read_data").address)


def test_a_closed_nic_says_so(nic):
    nic.close()
    nic.close()
    with pytest.raises(NicError, match="closed"):
        nic.exchange([WIRE.frame(1, HEAD)])


def test_a_nic_without_probes_says_so(nic, tmp_path):
    with pytest.raises(NicError, match="without probes"), nic.recording(tmp_path / "nic.vcd"):
        pass
    assert not list(tmp_path.iterdir())


def test_an_empty_frame_is_refused(nic):
    with pytest.raises(NicError, match="at least one byte"):
        nic.exchange([b""])


LIBRARY = """
extern "C" {
void *nic_new() { return new int; }
void nic_free(void *) {}
long nic_exchange(...) { return FAILURE; }
long nic_read(...) { return FAILURE; }
long nic_write(...) { return FAILURE; }
long nic_cycles(...) { return 0; }
}
"""


@pytest.mark.parametrize(
    ("failure", "message"),
    [(-1, "does not answer"), (-2, "refuses the access"), (-3, "sends more than it may")],
)
def test_a_library_that_fails_is_heard(tmp_path, failure, message):
    source, path = tmp_path / "stub.cpp", tmp_path / "stub.so"
    source.write_text(LIBRARY)
    flags = ["-shared", "-fPIC", f"-DFAILURE={failure}"]
    subprocess.run(["g++", *flags, str(source), "-o", str(path)], check=True)
    library = _Library(path)
    with pytest.raises(NicError, match=f"exchange: .*{message}"):
        library.exchange([b"frame"], 100)
    with pytest.raises(NicError, match=f"register 0x02c: .*{message}"):
        library.read(0x2C)
    with pytest.raises(NicError, match=f"register 0x014: .*{message}"):
        library.write(0x14, 1)

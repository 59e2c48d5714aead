"""The waves that a NIC with probes writes: of what it is told to, and of nothing else."""

import pytest

from hybridmesh.explain import head_frames
from hybridmesh.nic import NicError
from hybridmesh.nic.frames import split

from .conftest import HEAD


def test_waves_begin_and_end_with_the_block(nic, tmp_path):
    waves = tmp_path / "idle.vcd"
    before = nic.cycles
    nic.exchange(head_frames(HEAD))
    with nic.recording(waves):
        nic.counters()
    recorded = nic.cycles
    written = waves.read_bytes()
    nic.exchange(head_frames(HEAD))
    assert waves.read_bytes() == written
    times = [int(line[1:]) for line in written.split(b"\n") if line.startswith(b"#")]
    assert times[0] == 0
    assert times[-1] < 10 * (recorded - before)
    assert times[-1] % 10 == 5  # the edge of the last clock


def test_a_file_that_cannot_be_opened_is_named_and_the_nic_goes_on(nic, tmp_path):
    waves = tmp_path / "no" / "head.vcd"
    with pytest.raises(NicError, match="cannot be opened") as caught, nic.recording(waves):
        pass
    assert caught.value.place == str(waves)
    assert len(nic.exchange(head_frames(HEAD))) == 2


def test_a_nic_that_is_looked_into_gives_the_same_verdicts(nic, tmp_path):
    opening, frame = head_frames(HEAD)
    _, before = nic.exchange([opening, frame])
    assert split(before)[0].usable
    nic.exchange([opening])
    with nic.recording(tmp_path / "head.vcd"):
        assert nic.exchange([frame]) == [before]


def test_what_comes_behind_the_head_in_other_frames_is_not_sent():
    body = b"x" * 5000
    assert len(head_frames(HEAD + body)) == 2
    assert head_frames(HEAD + body)[1].endswith(b"x" * (1460 - len(HEAD)))
    assert len(head_frames(HEAD[:-2] + body)) == 1 + 4

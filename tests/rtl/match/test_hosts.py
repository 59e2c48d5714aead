"""The host matcher: reversed hosts against byte-by-byte look-up, the class of the lowest hit."""

import random

import pytest
from keybench import Frame, bare, clocked, holey, marked_beats, matches, scatter, table_writes

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.rtl.match.hosts import HostMatcher

# width, host bytes; reverser, words after the first, TCAM, encoder, class
CASES = {
    (1, 16): 1 + 1 + 4 + 1 + 1,
    (1, 64): 1 + 7 + 5 + 1 + 1,
    (8, 16): 1 + 1 + 4 + 1 + 1,
    (8, 64): 1 + 7 + 5 + 1 + 1,
    (64, 64): 2 + 0 + 6 + 1 + 1,
}
NEAREST = 63
"""Least offset in a frame of a host's first byte: after 54 bytes of headers and a head that is but
two spaces and ``\\nhost: ``."""

NAMES = ("data", "start", "end", "bank")
HOSTS = 16


def random_image(case: tuple[int, int], seed: int, odds: tuple[float, ...]) -> TableImage:
    width, host_bytes = case
    return scatter(
        TableImage(Geometry(width=width, host_bytes=host_bytes, hosts=HOSTS)), seed, odds
    )


def host_class(image: TableImage, host: bytes) -> int:
    """Class of the lowest pattern that accepts the reversed *host*; 0 where none does."""
    hits = matches(image.host, host[::-1] + b"\0")
    lowest = next((n for n in range(HOSTS) if hits >> n & 1), None)
    return 0 if lowest is None else int(image.host_class[lowest])


def frame(rng: random.Random, before: int, length: int, after: int, bank: int) -> Frame:
    data = bytes(rng.choices(range(1, 256), k=before + length + 1 + after))
    return Frame(data, ((before, before + length),), bank)


def classify(images, frames: list[Frame], case: tuple[int, int], *, idle: float = 0) -> set[int]:
    """Match the hosts of *frames*; expect their classes, asked for as soon as they are there after
    the host's end and after the frame's.  Gives the classes."""
    width, _ = case
    rng = random.Random(width)
    names = ("host", "host_class")
    banks = {frame.bank for frame in frames}
    writes = [w for bank in banks for w in table_writes(images[bank], bank, *names)]
    steps = [{"table": word} for word in writes if word["data"] or word["space"] != 1]
    steps += [{"table": None}] * 2
    late = CASES[case]
    expected = {}
    for frame in frames:
        beats = holey(marked_beats(frame, width), rng, idle)
        taken = [n for n, beat in enumerate(beats) if beat is not None]
        [(start, end)] = frame.fields
        answer = frame.bank, host_class(images[frame.bank], frame.data[start:end])
        expected[len(steps) + taken[end // width]] = answer
        expected[len(steps) + taken[-1]] = answer
        steps += bare(beats, width, rng, *NAMES)
    steps += [{"valid": 0}] * late
    for clock, (bank, _) in expected.items():
        wanted = {"class_wanted": 1, "class_bank": bank}
        steps[clock + late - 1] = {**steps[clock + late - 1], **wanted}
    steps = [{"class_wanted": 0, "class_bank": 0} | step for step in steps]

    dut = HostMatcher(images[0].geometry)
    assert dut.latency == late
    seen = clocked(dut, steps, {"class": dut.host_class})
    found = {clock: seen["class"][clock + late] for clock in expected}
    assert found == {clock: wanted for clock, (_, wanted) in expected.items()}
    return set(found.values())


@pytest.mark.parametrize("case", [(1, 16), (8, 16)], ids=str)
def test_a_host_of_any_length_gets_the_class_of_the_lowest_pattern(case) -> None:
    width, _ = case
    rng = random.Random(width)
    images = [random_image(case, seed, (0.1, 0.3)) for seed in (1, 2)]
    frames = [
        frame(rng, 20 + rng.randrange(width), n, rng.randrange(4), rng.getrandbits(1))
        for n in [*range(1, 20), 40, 1, 15, 2]
    ]
    classes = classify(images, frames, case, idle=0.1)
    assert 0 in classes
    assert len(classes) > 4


@pytest.mark.parametrize(
    ("case", "after"), [((1, 64), 0), ((8, 64), 0), ((8, 64), 40), ((64, 64), 0)], ids=str
)
def test_hosts_as_close_as_frames_allow_do_not_disturb_each_other(
    case: tuple[int, int], after: int
) -> None:
    """Each frame's host begins as near as it may to its start, long hosts before short ones."""
    rng = random.Random(case[0])
    images = [random_image(case, 3, (0.002, 0.01, 0.03, 0.2))]
    lengths = (63, 0, 1, 62, 80, 0, 64, 1, 41, 0, 57, 2)
    frames = [frame(rng, NEAREST, n, after, 0) for n in lengths]
    assert len(classify(images, frames, case)) > 2


@pytest.mark.parametrize("case", [(1, 16), (8, 16)], ids=str)
def test_a_host_as_long_as_the_key_is_matched_to_its_first_byte(case) -> None:
    """Two patterns of sixteen bytes that differ in the host's first byte, the key's last."""
    image = TableImage(Geometry(width=case[0], host_bytes=case[1], hosts=HOSTS))
    for column, host in enumerate((b"a.example.org:16", b"b.example.org:16")):
        for position, byte in enumerate(host[::-1]):
            image.host.allow(column, position, 1 << (byte & 15), 1 << (byte >> 4))
    image.host_class[:2] = 7, 9
    hosts = (b"a.example.org:16", b"b.example.org:16", b"xb.example.org:16", b".example.org:16")
    assert [host_class(image, host) for host in hosts] == [7, 9, 9, 0]
    frames = [Frame(b"-" * 30 + host + b"\r", ((30, 30 + len(host)),)) for host in hosts]
    classify([image], frames, case)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize(("width", "host_bytes"), [(8, 128), (64, 128), (4, 256)])
def test_a_host_key_that_its_neighbour_would_spoil_is_refused(width: int, host_bytes: int) -> None:
    with pytest.raises(ValueError, match=f"at width {width} a host key can have .* not"):
        HostMatcher(Geometry(width=width, host_bytes=host_bytes))

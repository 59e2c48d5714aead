"""The host matcher: reversed hosts against byte-by-byte look-up, the class of the lowest hit."""

import random

import pytest
from keybench import Frame, clocked, holey, marked_beats, matches, scatter, table_writes

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.rtl.match.hosts import HostMatcher

WIDTHS = (1, 2, 4, 8)
FEWEST_BEFORE = 76
"""Bytes before a host: Ethernet, IPv4 and TCP header, 'GET / HTTP/1.1' and its CRLF, 'host: '."""


def latency(width: int, host_bytes: int) -> int:
    """Rotated 2, stored 2, the words after the first, the TCAM, the encoder, the class."""
    return 2 + 2 + host_bytes // width - 1 + {1: 3, 2: 3, 4: 4, 8: 4}[width] + 1 + 1


def random_image(
    width: int, host_bytes: int, seed: int, odds: tuple[float, ...] = (0.1, 0.3)
) -> TableImage:
    geometry = Geometry(width=width, rows=32, host_bytes=host_bytes, hosts=16)
    return scatter(TableImage(geometry), seed, odds)


def host_class(image: TableImage, host: bytes) -> int:
    """Class of the lowest pattern that accepts the reversed *host*; 0 where none does."""
    hits = matches(image.host, host[::-1] + b"\0")
    lowest = next((n for n in range(16) if hits >> n & 1), None)
    return 0 if lowest is None else int(image.host_class[lowest])


def frame(rng: random.Random, before: int, length: int, after: int, bank: int) -> Frame:
    data = bytes(rng.choices(range(1, 256), k=before + length + 1 + after))
    return Frame(data, ((before, before + length),), bank)


def classify(images, frames: list[Frame], width: int, *, idle: float = 0) -> set[int]:
    """Match the hosts of *frames* and expect their classes; gives the classes."""
    rng = random.Random(width)
    names = ("host", "host_class")
    banks = {frame.bank for frame in frames}
    steps = [{"table": w} for bank in banks for w in table_writes(images[bank], bank, *names)]
    geometry = images[0].geometry
    late = latency(width, geometry.host_bytes)
    expected = {}
    for frame in frames:
        steps += [{"i": beat} for beat in holey(marked_beats(frame, width), rng, idle)]
        start, end = frame.fields[0]
        expected[len(steps) - 1] = frame.bank, host_class(images[frame.bank], frame.data[start:end])
    steps += [{}] * late
    for clock, (bank, _) in expected.items():
        steps[clock + late - 1] = {**steps[clock + late - 1], "bank": bank}

    dut = HostMatcher(geometry)
    assert dut.latency == late
    seen = clocked(dut, steps, {"class": dut.host_class})
    found = {clock: seen["class"][clock + late] for clock in expected}
    assert found == {clock: wanted for clock, (_, wanted) in expected.items()}
    return set(found.values())


@pytest.mark.parametrize("width", WIDTHS)
def test_a_host_of_any_length_gets_the_class_of_the_lowest_pattern(width: int) -> None:
    rng = random.Random(width)
    images = [random_image(width, 16, seed) for seed in (1, 2)]
    lengths = [*range(1, 20), 40] * 2
    frames = [
        frame(rng, 20 + rng.randrange(width), n, rng.randrange(4), rng.getrandbits(1))
        for n in lengths
    ]
    classes = classify(images, frames, width, idle=0.1)
    assert 0 in classes
    assert len(classes) > 4


@pytest.mark.parametrize("width", WIDTHS)
def test_hosts_as_close_as_frames_allow_do_not_disturb_each_other(width: int) -> None:
    rng = random.Random(width)
    images = [random_image(width, 64, 3, odds=(0.01, 0.03, 0.2))]
    lengths = (67, 1, 64, 1, 63, 2, 65, 66, 1, 1, 62, 3)
    frames = [frame(rng, FEWEST_BEFORE, length, 0, 0) for length in lengths]
    assert len(classify(images, frames, width)) > 2


@pytest.mark.parametrize("width", WIDTHS)
def test_a_host_as_long_as_the_key_is_matched_to_its_first_byte(width: int) -> None:
    """Two patterns of sixteen bytes that differ in the host's first byte, the key's last."""
    image = TableImage(Geometry(width=width, rows=32, host_bytes=16, hosts=16))
    for column, host in enumerate((b"a.example.org:16", b"b.example.org:16")):
        for position, byte in enumerate(host[::-1]):
            image.host.allow(column, position, 1 << (byte & 15), 1 << (byte >> 4))
    image.host_class[:2] = 7, 9
    hosts = (b"a.example.org:16", b"b.example.org:16", b"xb.example.org:16", b".example.org:16")
    frames = [Frame(b"-" * 30 + host + b"\r", ((30, 30 + len(host)),)) for host in hosts]
    late = latency(width, 16)
    steps = [{"table": word} for word in table_writes(image, 0, "host", "host_class")]
    clocks = []
    for one in frames:
        steps += [{"i": beat} for beat in marked_beats(one, width)]
        clocks.append(len(steps) - 1 + late)
    dut = HostMatcher(image.geometry)
    seen = clocked(dut, steps + [{}] * late, {"class": dut.host_class})
    assert [seen["class"][clock] for clock in clocks] == [7, 9, 9, 0]

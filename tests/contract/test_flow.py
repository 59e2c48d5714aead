"""Where a connection is kept: hashes and places worked out by hand, and none that two share."""

import random

import pytest

from hybridmesh.contract.flow import flow_hash, flow_place, joins
from hybridmesh.contract.geometry import Geometry

V4 = bytes.fromhex("c0000207 c6336401")
V6 = bytes.fromhex("20010db8 00000000 00000000 00000007 20010db8 00010000 00000000 00000001")


@pytest.mark.parametrize(
    ("addresses", "port", "listener", "value"),
    [
        (bytes(8), 0, 0, 0),
        (bytes(8), 0x1234, 0, 0x12341234),
        (bytes(8), 0, 7, 0x70000000),
        (V4, 0, 0, 0x06336606),  # c0000207 ^ c6336401
        (V4, 0x9C40, 0, 0x9A73FA46),
        (V4, 0x9C40, 5, 0xCA73FA46),
        (V6, 0, 0, 0x00010006),  # what the two have in common falls out
        (V6, 0xFFFF, 1, 0xEFFEFFF9),
    ],
)
def test_a_hash_is_the_exclusive_or_of_addresses_port_and_listener(
    addresses, port, listener, value
):
    assert flow_hash(addresses, port, listener) == value


@pytest.mark.parametrize(
    ("flows", "value", "place"),
    [
        (16, 0o37777777777, (0o3, 0o3777777777)),  # ten sevens give 0
        (16, 0o12345670124, (0o7, 0o1234567012)),
        (32, 0x9A73FA46, (0x9 ^ 0xA ^ 0x7 ^ 0x3 ^ 0xF ^ 0xA ^ 0x4 ^ 0x6, 0x9A73FA4)),
        (512, 0x12345678, (0x12 ^ 0x34 ^ 0x56 ^ 0x78, 0x123456)),
        (1024, 0b10001_000000011_000000101_000001001, (0b11110, 0b10001_000000011_000000101)),
        (65536, 0x0000FFFF, (0x7FFF ^ 1, 1)),
    ],
)
def test_a_place_is_the_exclusive_or_of_all_digits_and_the_tag_all_but_the_lowest(
    flows, value, place
):
    assert flow_place(Geometry(flows=flows), value) == place


@pytest.mark.parametrize("flows", [1 << n for n in range(4, 17)])
def test_set_and_tag_together_tell_the_hash(flows):
    """So that a tag is found in no set but its own, and a connection is never taken for another
    but of the same hash."""
    rng = random.Random(flows)
    sets = flows // 2
    bits = sets.bit_length() - 1
    for value in [0, 2**32 - 1, *(rng.getrandbits(32) for _ in range(200))]:
        index, tag = flow_place(Geometry(flows=flows), value)
        assert 0 <= index < sets
        assert 0 <= tag < 1 << 32 - bits
        lowest = index
        for digit in range(32 // bits + 1):
            lowest ^= tag >> bits * digit & sets - 1
        assert tag << bits | lowest == value


@pytest.mark.parametrize("flows", [8, 100, 1 << 17])
def test_a_table_of_another_size_cannot_be_built(flows):
    with pytest.raises(ValueError, match=r"flows must be one of 16, 32, .*, 65536, not"):
        Geometry(flows=flows)


@pytest.mark.parametrize(
    ("width", "goes_on", "ends"),
    [
        (1, [0, 1, 8191], [8192, 9000]),
        (8, [0, 7, 8, 8191], [8192]),
        (32, [31, 63, 8191], [8192]),
        (64, [0, 1, 53, 64, 64 + 53, 8128 + 53], [54, 63, 64 + 54, 8128 + 54, 8191, 8192]),
    ],
)
def test_a_head_is_gone_on_with_up_to_a_length_and_at_width_64_within_a_beat(width, goes_on, ends):
    assert all(joins(Geometry(width=width), length) for length in goes_on)
    assert not any(joins(Geometry(width=width), length) for length in ends)

"""Control frames byte by byte, and what is none."""

import zlib

import pytest

from hybridmesh.contract.inband import (
    HEADER,
    LIMIT,
    Code,
    Header,
    Kind,
    Step,
    frame,
    is_control,
    message,
    operations,
    read,
    read_run,
    steps,
    write,
)

HOST, NIC = bytes.fromhex("0a0b0c0d0e0f"), bytes.fromhex("0248594d5301")


def test_a_request_on_the_wire_byte_by_byte():
    header = Header(kind=Kind.REQUEST, session=0x01020304, sequence=0x05060708)
    body = operations([write(0x24, [0x11121314, 0xFFFFFFFF]), read(0x40, 3)])
    covered = bytes.fromhex(
        "88b6 01 02 01020304 05060708 00000000 0018 0000 0000 0000"
        "0001 0002 00000024 11121314 ffffffff 0002 0003 00000040"
    )
    made = frame(NIC, HOST, header, body)
    assert made == NIC + HOST + covered + zlib.crc32(covered).to_bytes(4, "little")
    assert len(made) == 64


def test_an_answer_on_the_wire_byte_by_byte_with_its_padding():
    header = Header(
        kind=Kind.REFUSED, session=1, sequence=2, owner=3, limit=1472, done=5, registers=2
    )
    covered = bytes.fromhex("88b6 01 83 00000001 00000002 00000003 0004 05c0 0005 0002 0a0b0c0d")
    made = frame(HOST, NIC, header, bytes.fromhex("0a0b0c0d"))
    assert made[12:44] == covered + zlib.crc32(covered).to_bytes(4, "little")
    assert made[44:] == bytes(16)
    said = message(made + b"behind")
    assert said == (header._replace(length=4), bytes.fromhex("0a0b0c0d"), NIC)


def test_the_longest_body_fits_an_mtu_of_1500():
    longest = frame(NIC, HOST, Header(), bytes(LIMIT))
    assert len(longest) == 14 + 1498
    assert message(longest) is not None
    assert message(frame(NIC, HOST, Header(), bytes(LIMIT + 4))) is None


def test_a_frame_that_is_damaged_or_cut_off_says_nothing():
    whole = frame(NIC, HOST, Header(session=7), operations([read(0, 1)]))
    end = 12 + HEADER.size + 8 + 4
    assert message(whole) is not None
    for at in range(12, end):
        for bit in (0x01, 0x80):
            assert message(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :]) is None
    for size in range(end):
        assert message(whole[:size]) is None
    assert message(whole[:end]) is not None


def test_a_cut_off_crc_is_none_though_what_is_missing_is_zero():
    whole = next(
        data
        for session in range(1, 10_000)
        if (data := frame(NIC, HOST, Header(session=session), bytes(24)))[-1] == 0
    )
    assert len(whole) == 64
    assert message(whole) is not None
    assert message(whole[:-1]) is None


def test_a_body_that_is_no_multiple_of_four_says_nothing():
    assert message(frame(NIC, HOST, Header(), bytes(6))) is None


@pytest.mark.parametrize(
    ("kind", "control"),
    [("88b6", True), ("88b5", False), ("0800", False), ("8100000188b6", False), ("", False)],
)
def test_the_ethertype_alone_makes_a_control_frame(kind, control):
    assert is_control(bytes(12) + bytes.fromhex(kind)) is control


def test_operations_are_read_as_they_were_written():
    asked = [write(0x20, [1]), read(0x40, 368 - 2), write(0x24, [2, 3]), read_run(0x100, 2)]
    assert steps(operations(asked)) == asked
    assert steps(b"") == []
    assert asked[2] == Step(Code.WRITE, 0x24, 2, bytes.fromhex("00000002 00000003"))


@pytest.mark.parametrize(
    "body",
    [
        "0000 0001 00000000",
        "0004 0001 00000000",
        "0001 0000 00000000",
        "0002 0000 00000000",
        "0001 0002 00000000 00000001",
        "0001 ffff 00000000 00000001",
        "0002 0001",
        "0002 0001 00000000 0002 0001",
        "0002 0171 00000000",
        "0002 0170 00000000 0003 0001 00000000",
    ],
)
def test_operations_that_are_not_well_formed_are_refused_as_a_whole(body):
    assert steps(bytes.fromhex(body)) is None

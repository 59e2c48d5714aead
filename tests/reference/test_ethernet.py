"""The golden MAC: what is sent of a frame, and what is read of a carrier, case by case."""

import pytest

from hybridmesh.reference.ethernet import Received, Symbol, carrier, fcs, received

FRAME = bytes(range(60))
CONTENT = FRAME + fcs(FRAME)
LONGEST = 80


def octets(data: bytes, *bad: int) -> list[Symbol]:
    return [*(Symbol(octet, True, n in bad) for n, octet in enumerate(data)), Symbol(0, False)]


def nibbles(data: bytes, *bad: int) -> list[Symbol]:
    halves = [half for octet in data for half in (octet & 15, octet >> 4)]
    return [*(Symbol(half, True, n in bad) for n, half in enumerate(halves)), Symbol(0, False)]


def test_the_fcs_is_the_crc_of_the_standard() -> None:
    assert fcs(b"123456789") == bytes.fromhex("2639f4cb")


def test_a_frame_is_sent_behind_a_preamble_padded_and_with_its_fcs() -> None:
    sent = carrier(b"abc")
    assert sent[:8] == bytes.fromhex("55555555555555d5")
    assert sent[8:68] == b"abc" + bytes(57)
    assert sent[68:] == fcs(b"abc" + bytes(57))
    assert len(carrier(bytes(61))) == 8 + 61 + 4


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        (octets(b"\x55" * 7 + b"\xd5" + CONTENT), [Received(FRAME, "frames")]),
        (octets(b"\xd5" + CONTENT), [Received(FRAME, "frames")]),
        (octets(b"\x00\xd5" + CONTENT) * 2, [Received(FRAME, "frames")] * 2),
        (octets(b"\x55" * 8), []),
        (octets(b"\xd5"), [Received(b"", "bad_fcs")]),
        (octets(b"\xd5" + fcs(b"")), [Received(b"", "bad_fcs")]),
        (octets(b"\xd5a" + fcs(b"a")), [Received(b"a", "frames")]),
        (octets(b"\xd5" + CONTENT[:-1]), [Received(FRAME[:-1], "bad_fcs")]),
        (octets(b"\xd5" + CONTENT, 0), [Received(FRAME, "unreadable")]),
        (octets(b"\x55\xd5" + CONTENT, 65), [Received(FRAME, "unreadable")]),
        (octets(b"\xd5" + bytes(80) + fcs(bytes(80))), [Received(bytes(80), "frames")]),
        (octets(b"\xd5" + bytes(81) + fcs(bytes(81)), 3), [Received(bytes(80), "oversize")]),
        ([Symbol(0xD5, False, True), Symbol(1, False)], []),
    ],
)
def test_a_carrier_is_read(symbols: list[Symbol], expected: list[Received]) -> None:
    assert list(received(symbols, LONGEST)) == expected


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        (nibbles(b"\x55\xd5" + CONTENT), [Received(FRAME, "frames")]),
        (nibbles(b"\x55\xd5" + CONTENT)[1:], [Received(FRAME, "frames")]),
        ([Symbol(7, True, True), *nibbles(b"\xd5" + CONTENT)], [Received(FRAME, "unreadable")]),
        (nibbles(b"\xd5" + CONTENT, 129), [Received(FRAME, "unreadable")]),
        (
            [*nibbles(b"\xd5" + CONTENT)[:-1], Symbol(7, True, True), Symbol(0, False)],
            [Received(FRAME, "frames")],
        ),
    ],
)
def test_nibbles_are_put_together_from_the_sfd_on(
    symbols: list[Symbol], expected: list[Received]
) -> None:
    assert list(received(symbols, LONGEST, nibbles=True)) == expected

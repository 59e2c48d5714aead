"""Body framing: what is taken, what goes on, what is refused; cut at every possible place."""

import pytest

from hybridmesh.proxy.core.framing import (
    MAX_LINE,
    Chunked,
    Framing,
    FramingError,
    Sized,
    UntilClose,
)

CHUNKED = (
    b"5\r\nhello\r\n"
    b"00A;name=value\r\n, world\r\n!\r\n"
    b"1 ;x\r\n0\r\n"
    b"0;last\r\nTrailer: 1\r\nOther: 2\r\n\r\n"
)
PASSED = b"5\r\nhello\r\n00A\r\n, world\r\n!\r\n1\r\n0\r\n0\r\n\r\n"
DECODED = b"hello, world\r\n!0"
NEXT = b"GET / HTTP/1.1\r\n"


def feed(framing: Framing, *pieces: bytes) -> tuple[bytes, int]:
    """What goes on, and how many bytes of *pieces* were taken."""
    out: list[bytes | memoryview] = []
    taken = 0
    for piece in pieces:
        taken += framing.feed(piece, 0, out)
    return b"".join(out), taken


@pytest.mark.parametrize(("decode", "passed"), [(False, PASSED), (True, DECODED)])
def test_a_chunked_body_cut_anywhere_goes_on_the_same(decode: bool, passed: bytes) -> None:
    for cut in range(len(CHUNKED)):
        framing = Chunked(decode=decode)
        out, taken = feed(framing, CHUNKED[:cut], CHUNKED[cut:] + NEXT)
        assert out == passed, cut
        assert framing.done
        assert taken == len(CHUNKED), cut


@pytest.mark.parametrize("extension", [b";", b" \t;", b';a="\xff', b";;=\t"])
def test_an_extension_that_is_none_goes_no_further(extension: bytes) -> None:
    body = b"2%b\r\nab\r\n0%b\r\n\r\n" % (extension, extension)
    for cut in range(len(body)):
        assert feed(Chunked(), body[:cut], body[cut:]) == (b"2\r\nab\r\n0\r\n\r\n", len(body))


def test_a_chunked_body_byte_by_byte_goes_on_the_same() -> None:
    framing = Chunked()
    out, _ = feed(framing, *(CHUNKED[k : k + 1] for k in range(len(CHUNKED))))
    assert out == PASSED
    assert framing.done


def test_a_body_is_found_behind_its_head() -> None:
    out: list[bytes | memoryview] = []
    framing = Chunked()
    assert framing.feed(b"head" + CHUNKED + NEXT, 4, out) == 4 + len(CHUNKED)
    assert b"".join(out) == PASSED


@pytest.mark.parametrize(
    "bad",
    [
        b"\r\n",
        b"x\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b"1_0\r\n",
        b" 1\r\n",
        b"1\n",
        b"1\r",
        b";ext\r\n",
        b"1 1\r\n",
        b"fffffffffffffffff\r\n",
        b"1;a\rb\r\n",
        b"1;a\0b\r\n",
        b"1\r\nab",
        b"1\r\na\n",
        b"1\r\na\rx",
        b"0\r\nT: 1\n\r\n",
        b"0\r\n\n",
        b"1;" + b"x" * MAX_LINE,
        b"0\r\n" + b"T: x\r\n" * 20000,
    ],
)
def test_a_broken_chunked_body_is_refused_wherever_it_is_cut(bad: bytes) -> None:
    bad += b"0\r\n\r\n" if bad == b"1\r" else b""
    for cut in range(min(len(bad), 10)):
        with pytest.raises(FramingError):
            feed(Chunked(), bad[:cut], bad[cut:])


def test_nothing_of_a_bad_size_line_goes_on() -> None:
    out: list[bytes | memoryview] = []
    framing = Chunked()
    framing.feed(b"1\r\na\r\nf", 0, out)
    with pytest.raises(FramingError):
        framing.feed(b"oo\r\n", 0, out)
    assert b"".join(out) == b"1\r\na\r\n"


def test_a_sized_body_ends_at_its_length() -> None:
    for cut in range(6):
        framing = Sized(5)
        data = b"abcde" + NEXT
        assert feed(framing, data[:cut], data[cut:]) == (b"abcde", 5)
        assert framing.done


def test_a_large_body_is_not_copied() -> None:
    data = b"x" * 100_000
    out: list[bytes | memoryview] = []
    Sized(200_000).feed(data, 0, out)
    Sized(50_000).feed(data, 0, out)
    assert out[0] is data
    assert isinstance(out[1], memoryview)


def test_a_body_until_close_never_ends_by_itself() -> None:
    framing = UntilClose()
    assert feed(framing, b"abc", b"def") == (b"abcdef", 6)
    assert not framing.done

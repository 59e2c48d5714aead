"""Heads with bytes that do not belong there: every byte value in every class of position."""

import random

from .valid import full, plain, valid

__all__ = ["PLACES", "byte_anywhere", "cut_off", "place_of", "spliced"]


def _places() -> list[str]:
    drafts = [full(random.Random(n)) for n in range(30)]
    return sorted({place for draft in drafts for place, _ in draft.pieces()})


PLACES = _places()
"""The classes of positions."""


def place_of(turn: int) -> tuple[str, int]:
    """The class of position, and the byte, that it is the turn of."""
    byte, place = divmod(turn, len(PLACES))
    return PLACES[place], byte * _STEP % 256


_STEP = 101
"""Odd, so that every byte has its turn, and far from 1, so that the first ones are of all kinds."""


def byte_anywhere(rng: random.Random, turn: int) -> bytes:
    """One more byte or another one; each in each class of position in turn."""
    place, byte = place_of(turn)
    draft = full(rng)
    while place not in dict(draft.pieces()):
        draft = full(rng)
    pieces = draft.pieces()
    chosen = rng.choice([n for n, (name, _) in enumerate(pieces) if name == place])
    parts = [piece for _, piece in pieces]
    parts[chosen] = _with(rng, parts[chosen], bytes([byte]))
    return b"".join(parts)


def _with(rng: random.Random, piece: bytes, byte: bytes) -> bytes:
    at = rng.choice((0, len(piece), rng.randint(0, len(piece))))
    replaced = rng.choice((0, 1, 1, len(piece) - at))
    return piece[:at] + byte + piece[at + replaced :]


_WORDS = (
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b"\r\n ", b"\r\n\t", b" ", b"\t", b":", b": "),
    *(b"\0", b"\x7f", b"\x80", b"\xff", b"%", b"%2e", b"%00", b"//", b"/../", b"/..;/", b"?", b"#"),
    *(b"GET ", b" HTTP/1.1\r\n", b"HTTP/1.0", b"HTTP/1.", b"\r\nHost: b", b"\nhost: b\r\n"),
    *(b"Content-Length: 1", b"\r\nContent-Length: 1\r\n", b"\ncontent-length: 2", b"chunked"),
    *(b"\r\nTransfer-Encoding: chunked\r\n", b"\ntransfer-encoding: ", b"Connection: close"),
    *(b",", b";", b'"', b"\\", b"&", b"=", b"@", b"[", b"]", b"0", b"9", b"+", b"-"),
)


def spliced(rng: random.Random, turn: int) -> bytes:
    """A head with words out of place, or pieces of it lost, doubled, or of another head."""
    data = rng.choice((plain, valid, full))(rng).payload()
    for _ in range(rng.randint(1, 3)):
        at, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        size = min(end - at, rng.randrange(12))
        piece = rng.choice((b"", data[at : at + size], rng.choice(_WORDS), rng.choice(_WORDS)))
        to = rng.randrange(len(data) + 1)
        data = data[:to] + piece + data[to + rng.choice((0, 0, len(piece), size)) :]
    if rng.random() < 0.1:
        other = valid(rng).payload()
        data = data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other)) :]
    return data


def cut_off(rng: random.Random, turn: int) -> bytes:
    """The beginning of a head."""
    data = rng.choice((plain, valid, full))(rng).payload()
    return data[: rng.randrange(1, len(data) + 1)]

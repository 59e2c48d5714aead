"""Random tables for the engine, whose patterns are of the words that its heads are made of."""

import random

from hybridmesh.contract.geometry import (
    OPTION_QUERY,
    QUERY_BIT,
    QUERY_TERMINATOR,
    TERMINATOR,
    Geometry,
)
from hybridmesh.contract.table import TableImage, Tcam

from .heads import HOSTS, LINES, PARAMS, PATHS

__all__ = ["random_table"]

ALL = 0xFFFF
"""Every value of a nibble."""

_LISTENERS = range(15)
"""Those that rows may accept.  For the last one there is no row, whatever else a row takes."""


def random_table(geometry: Geometry, rng: random.Random, *, query: bool) -> TableImage:
    """A table with a pattern in every column; *query*: it asks for query parameters."""
    image = TableImage(geometry)
    image.options[0] = OPTION_QUERY if query else 0
    image.row_flags[:] = rng.choices(range(4), k=geometry.rows)
    for column in range(geometry.hosts):
        image.host_class[column] = rng.randint(1, 4)
        host = rng.choice(HOSTS)
        reverse = host[: rng.randrange(len(host)) : -1] if rng.random() < 0.3 else host[::-1] + "\0"
        _accept(image.host, column, reverse.encode(), either_case=True)
    for column in range(geometry.predicates):
        _accept(image.header, column, _predicate(rng), either_case=False)
    for row in range(geometry.rows):
        path = rng.choice(PATHS)
        key = path[: rng.randint(1, len(path))] if rng.random() < 0.6 else path + "\0"
        _accept(image.path, row, key.encode(), either_case=rng.random() < 0.2)
        _call(image.word, row, rng)
    return image


def _accept(tcam: Tcam, column: int, key: bytes, *, either_case: bool) -> None:
    """Let *column* accept what begins with *key*."""
    tcam.allow_all(column)
    for position, byte in enumerate(key[: tcam.space.positions]):
        letters = {byte, ord(bytes([byte]).swapcase())} if either_case else {byte}
        low, high = (sum({1 << (b >> shift & 15) for b in letters}) for shift in (0, 4))
        tcam.allow(column, position, low, high)


def _predicate(rng: random.Random) -> bytes:
    """The key of a field line or of a query parameter, whole or its beginning."""
    whole = rng.random() < 0.6
    if rng.random() < 0.5:
        line = rng.choice(LINES).encode()
        return line + bytes([TERMINATOR]) if whole else line[: line.index(b":") + 2]
    param = bytes(byte | QUERY_BIT for byte in rng.choice(PARAMS).encode())
    return param + bytes([QUERY_TERMINATOR]) if whole or not param else param[:2]


def _call(tcam: Tcam, row: int, rng: random.Random) -> None:
    """Conditions of *row* on class, method, listener and a predicate or two."""
    tcam.allow_all(row)
    if rng.random() < 0.7:
        tcam.allow(row, 0, sum(1 << n for n in rng.sample(range(5), 2)), 1)
    methods, listeners = ALL, sum(1 << n for n in _LISTENERS)
    if rng.random() < 0.5:
        methods = sum(1 << n for n in rng.sample(range(1, 10), 5))
        listeners = sum(1 << n for n in rng.sample(_LISTENERS, 10))
    tcam.allow(row, 1, methods, listeners)
    for byte in rng.sample(range(2, tcam.space.positions), rng.randrange(3)):
        bit, wanted = rng.randrange(8), rng.random() < 0.7
        nibbles = sum(1 << n for n in range(16) if (n >> bit % 4 & 1) == wanted)
        tcam.allow(row, byte, *((nibbles, ALL) if bit < 4 else (ALL, nibbles)))

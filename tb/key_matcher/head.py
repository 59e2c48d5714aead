"""Heads as the key matcher sees them: field lines and query parameters, and where they stand."""

from collections import Counter
from dataclasses import dataclass

from hybridmesh.contract.geometry import QUERY_BIT, QUERY_TERMINATOR, TERMINATOR, Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.rtl.match.keys import keyed_beat
from tb.lib.keys import accepting, lanes_of
from tb.lib.packed import pack

__all__ = ["Answer", "Head", "Key"]


@dataclass(frozen=True)
class Key:
    """A key's bytes, and the frame's offsets of its first one and of its terminator."""

    data: bytes
    start: int
    end: int
    query: bool


@dataclass(frozen=True)
class Answer:
    """Columns seen, whether one was seen again; 0 and False of a head that is crowded."""

    seen: int
    repeated: bool
    crowded: bool


@dataclass(frozen=True)
class Head:
    """Query parameters, then field lines; *cut*: the frame ends in the last line."""

    params: tuple[bytes, ...]
    lines: tuple[bytes, ...]
    before: int
    bank: int
    cut: bool

    def keys(self) -> list[Key]:
        keys, at = [], self.before
        for param in self.params:
            keys.append(Key(param, at, at + len(param), True))
            at += len(param) + 1
        at += 2
        for line in self.lines:
            keys.append(Key(line, at, at + len(line), False))
            at += len(line) + 2
        return keys

    def beats(self, geometry: Geometry) -> list[int]:
        width, keys = geometry.width, self.keys()
        query = b"&".join(self.params) + b" " if self.params else b""
        lines = b"".join(line + b"\r\n" for line in self.lines)
        data = b"\xff" * self.before + query + b"\r\n" + (lines[:-2] if self.cut else lines + b"\r")
        lanes = {
            "start": {key.start for key in keys},
            "end": {key.end for key in keys} - ({len(data)} if self.cut else set()),
            "mask": {n for key in keys for n in range(key.start, key.end + 1)},
            "query": set(range(self.before, self.before + len(query))),
        }
        return [
            pack(
                keyed_beat(geometry),
                data=int.from_bytes(data[base : base + width], "little"),
                offset=base - self.before & 0xFFFF,
                bank=self.bank,
                first=base == 0,
                **{name: lanes_of(places, base, width) for name, places in lanes.items()},
            )
            for base in range(0, len(data), width)
        ]

    def answer(self, image: TableImage, engines: int) -> Answer:
        keys, width = self.keys(), image.geometry.width
        pairs = zip(keys, keys[engines:], strict=False)
        if any(after.start - key.end < width for key, after in pairs):
            return Answer(0, repeated=False, crowded=True)
        counts: Counter[int] = Counter()
        for key in keys[:-1] if self.cut else keys:
            mark, end = (QUERY_BIT, QUERY_TERMINATOR) if key.query else (0, TERMINATOR)
            hits = accepting(image.header, bytes(byte | mark for byte in key.data), end)
            counts.update(column for column in range(hits.bit_length()) if hits >> column & 1)
        seen = sum(1 << column for column in counts)
        return Answer(seen, any(count > 1 for count in counts.values()), crowded=False)

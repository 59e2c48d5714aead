"""Records: fixed layouts of bytes, described once as an annotated ``NamedTuple``.

The class body names each field, its width and its meaning.  From it come the Python codec (here),
the Amaranth layout (``hybridmesh.rtl.layout``), the C header (``hybridmesh.contract.export``) and
the table in ``docs/reference``.  All records travel in network byte order.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, get_type_hints

__all__ = ["Field", "Record", "field"]

_FORMAT = {8: "B", 16: "H", 32: "I", 64: "Q"}


@dataclass(frozen=True)
class Field:
    """One field of a record: ``name``, width in ``bits``, byte ``offset``, and what it means."""

    name: str
    bits: int
    offset: int
    doc: str


def field(bits: int, doc: str) -> tuple[int, str]:
    """Annotate a field of a record with its width in bits and its meaning."""
    if bits not in _FORMAT:
        raise ValueError(f"A record field must be 8, 16, 32 or 64 bits wide, not {bits}")
    return bits, doc


T = TypeVar("T", bound=NamedTuple)


class Record(Generic[T]):
    """Codec of the annotated ``NamedTuple`` *cls*.

    Attributes
    ----------
    name : str
        Name of the class.
    fields : tuple of Field
        In wire order.
    size : int
        Bytes on the wire.
    """

    def __init__(self, cls: type[T]) -> None:
        self.cls = cls
        self.name = cls.__name__
        self.doc = (cls.__doc__ or "").strip()
        fields: list[Field] = []
        offset = 0
        for name, hint in get_type_hints(cls, include_extras=True).items():
            bits, doc = hint.__metadata__[0]
            fields.append(Field(name, bits, offset, doc))
            offset += bits // 8
        self.fields = tuple(fields)
        self._struct = struct.Struct(">" + "".join(_FORMAT[f.bits] for f in fields))
        self.size = self._struct.size
        self._make: Callable[[Any], T] = cls._make

    def pack(self, value: T) -> bytes:
        """Encode *value*; raises :exc:`ValueError` naming the field that does not fit."""
        try:
            return self._struct.pack(*value)
        except struct.error:
            for f, v in zip(self.fields, value, strict=True):
                if not isinstance(v, int) or not 0 <= v < 1 << f.bits:
                    raise ValueError(f"{self.name}.{f.name} is {v!r}, not a u{f.bits}") from None
            raise

    def unpack(self, data: bytes | memoryview, offset: int = 0) -> T:
        """Decode the record at *offset*; raises :exc:`ValueError` when bytes are missing."""
        if len(data) - offset < self.size:
            raise ValueError(f"{self.name} needs {self.size} bytes, {len(data) - offset} are there")
        return self._make(self._struct.unpack_from(data, offset))

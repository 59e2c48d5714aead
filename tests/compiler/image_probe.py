"""What a NIC makes of a plain request, evaluated bit by bit from a table image.

It takes the keys directly and knows nothing of heads: an independent reading of the contract.
"""

import numpy as np
from routing import route, table

from hybridmesh.compiler import compile_table
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage, Tcam
from hybridmesh.contract.verdict import NO_ROW, Flag, Method, Verdict
from hybridmesh.reference.head import Head

SMALL = Geometry(rows=32, predicates=16, hosts=16, path_bytes=16, host_bytes=16, header_bytes=32)


def columns(tcam: Tcam, key: bytes, end: bytes = b"\0") -> np.ndarray:
    """The columns that *key* matches, as booleans."""
    refused = np.zeros(tcam.space.columns, dtype=bool)
    for position, byte in enumerate((key + end)[: tcam.space.positions]):
        refused |= tcam.mismatch[position, 0, byte & 15] | tcam.mismatch[position, 1, byte >> 4]
    return ~refused


def lowest(hits: np.ndarray) -> int | None:
    return int(np.argmax(hits)) if hits.any() else None


def host_class(image: TableImage, host: str) -> int:
    entry = lowest(columns(image.host, host.encode("latin-1")[::-1]))
    return 0 if entry is None else int(image.host_class[entry])


def rows(image: TableImage, head: Head) -> np.ndarray | None:
    """The rows that take *head*, as booleans; None: what a route asks for came twice."""
    lines = [f"{name}: {value}".encode("latin-1") for name, value in raw_fields(head)]
    hits = [columns(image.header, line) for line in lines]
    if image.options[0] & 1:
        hits += [columns(image.header, param, b"\xbe") for param in raw_params(head)]
    counts = np.sum(hits, axis=0)
    if (counts > 1).any():
        return None
    word = np.packbits(counts > 0, bitorder="little").tobytes()
    method = Method.__members__.get(head.method, Method.OTHER)
    key = bytes([host_class(image, raw_host(head)), method]) + word
    return columns(image.path, head.path.encode("latin-1")) & columns(image.word, key)


def raw_fields(head: Head) -> list[tuple[str, str]]:
    """Fields with their names as they came."""
    lines = head.raw.decode("latin-1").split("\r\n")[1:-2]
    return [tuple(line.split(": ", 1)) for line in lines]


def raw_params(head: Head) -> list[bytes]:
    """Query parameters as they came, bit 7 set."""
    target = head.raw.split(b" ")[1]
    params = target.split(b"?", 1)[1].split(b"&") if b"?" in target else []
    return [bytes(byte + 0x80 for byte in param) for param in params]


def raw_host(head: Head) -> str:
    """The host as it came, without its port."""
    return head.authority.split(":")[0]


def verdict(image: TableImage, head: Head, epoch: int = 1) -> Verdict:
    """The verdict, as far as routing goes."""
    hits = rows(image, head)
    if hits is None:
        return Verdict(flags=Flag.UNDECIDED, epoch=epoch)
    row = lowest(hits)
    if row is None:
        return Verdict(flags=Flag.DECIDED, epoch=epoch, row=NO_ROW)
    provisional = image.row_flags[row] & 1
    return Verdict(flags=Flag.PROVISIONAL if provisional else Flag.DECIDED, epoch=epoch, row=row)


def hit(compiled, request):
    """``exact``, ``provisional`` or None for the first row that takes *request*; ``twice`` where
    the NIC leaves it to the CPU because something came twice."""
    hits = rows(compiled.image, request)
    if hits is None:
        return "twice"
    taken = hits.nonzero()[0]
    if not len(taken):
        return None
    return "provisional" if compiled.rows[taken[0]].provisional else "exact"


def one(*args, **kwargs):
    """A compiled table of one route for all hosts."""
    geometry = kwargs.pop("geometry", Geometry())
    return compile_table(table({"*": (route(*args, **kwargs),)}), geometry)

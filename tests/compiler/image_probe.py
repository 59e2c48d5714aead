"""What a NIC makes of a plain request, evaluated bit by bit from a table image.

It takes the keys directly and knows nothing of heads: an independent reading of the contract.
"""

import numpy as np

from hybridmesh.contract.table import TableImage, Tcam
from hybridmesh.contract.verdict import NO_ROW, Flag, Method, Verdict
from hybridmesh.contract.watch import TOUCH_COLUMNS, WATCHES, Column
from hybridmesh.reference.head import Head


def columns(tcam: Tcam, key: bytes) -> np.ndarray:
    """The columns that *key* matches, as booleans."""
    refused = np.zeros(tcam.space.columns, dtype=bool)
    for position, byte in enumerate((key + b"\0")[: tcam.space.positions]):
        refused |= tcam.mismatch[position, 0, byte & 15] | tcam.mismatch[position, 1, byte >> 4]
    return ~refused


def lowest(hits: np.ndarray) -> int | None:
    return int(np.argmax(hits)) if hits.any() else None


def host_class(image: TableImage, host: str) -> int:
    entry = lowest(columns(image.host, host.encode("latin-1")[::-1]))
    return 0 if entry is None else int(image.host_class[entry])


def rows(image: TableImage, head: Head) -> np.ndarray | None:
    """The rows that take *head*, as booleans; None: a field that a route asks for came twice."""
    predicates = image.geometry.predicates
    lines = [f"{name}: {value}".encode("latin-1") for name, value in raw_fields(head)]
    counts = np.sum([columns(image.header, line)[:predicates] for line in lines], axis=0)
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


def watched(image: TableImage, line: bytes) -> set[str]:
    """Names of the watch columns that *line* hits; touch columns by their pattern."""
    hits = columns(image.header, line)[image.geometry.predicates :]
    names = {w.column: w.pattern.decode() for w in WATCHES if w.column < TOUCH_COLUMNS}
    names |= {c.value: c.name for c in Column}
    return {names[int(column)] for column in np.flatnonzero(hits)}

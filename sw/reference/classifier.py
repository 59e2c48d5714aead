"""Golden model of the whole NIC for one segment: the lexer, then the table image as a TCAM.

It reads the very image that the NIC is loaded with, so compiler, model and RTL meet in it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hybridmesh.contract.geometry import ROW_PROVISIONAL, ROW_TOUCH, TERMINATOR
from hybridmesh.contract.grammar import TCHAR
from hybridmesh.contract.table import TableImage, Tcam
from hybridmesh.contract.verdict import NO_ROW, Flag, Reason, Verdict
from hybridmesh.contract.watch import TOUCH_COLUMNS, Column

from .lexer import Lexed, Span, lex

__all__ = ["classify"]

Bits = npt.NDArray[np.bool_]


def classify(
    payload: bytes,
    image: TableImage | None,
    *,
    epoch: int,
    enable: bool = True,
    seq: int = 0,
    latency: int = 0,
) -> Verdict | None:
    """The verdict of the head that begins with *payload*, the TCP payload of one segment.

    None where the NIC inserts no shim: the payload is empty or begins with a byte that no request
    does.  Without *image* or with *enable* false every verdict is undecided, ``TABLE_OFF``.
    """
    if not payload or payload[0] not in TCHAR:
        return None
    if image is None or not enable:
        return _refused(Reason.TABLE_OFF, epoch, seq, latency)
    lexed = lex(payload)
    columns = [_lookup(image.header, _cut(payload, line)) for line in lexed.lines]
    hits = np.array(columns or np.zeros((0, image.geometry.header_columns)), dtype=np.bool_)
    reasons = lexed.reasons | _header_reasons(hits, image.geometry.predicates, lexed)
    if reasons:
        return _refused(min(reasons), epoch, seq, latency)
    assert lexed.path is not None  # a head without either has a reason
    assert lexed.host is not None

    watch = hits[:, image.geometry.predicates :]
    predicates: Bits = np.logical_or.reduce(hits[:, : image.geometry.predicates], axis=0)
    path = _cut(payload, lexed.path)
    row = _row(image, path, _cut(payload, lexed.host), lexed.method, predicates)
    touched = watch[:, :TOUCH_COLUMNS].any(axis=1) & ~watch[:, Column.EXCUSE]
    row_flags = 0 if row == NO_ROW else int(image.row_flags[row])
    flags = Flag.PROVISIONAL if row_flags & ROW_PROVISIONAL else Flag.DECIDED
    if touched.any() or lexed.http_1_0 or row_flags & ROW_TOUCH:
        flags |= Flag.TOUCH
    if watch[:, Column.CODING].any():
        flags |= Flag.BODY_CHUNKED
    if lexed.length:
        flags |= Flag.BODY_LENGTH
    if len(payload) > lexed.head_length:
        flags |= Flag.MORE_DATA
    return Verdict(
        flags=int(flags),
        epoch=epoch,
        row=row,
        method=int(lexed.method),
        seq=seq,
        head_length=lexed.head_length,
        path_offset=lexed.path.start,
        path_length=len(path),
        host_offset=lexed.host.start,
        host_length=min(lexed.host.end - lexed.host.start, 255),
        latency=latency,
        body_length=int(_cut(payload, lexed.length)) if lexed.length else 0,
    )


def _refused(reason: Reason, epoch: int, seq: int, latency: int) -> Verdict:
    flags = int(reason.state.value)
    return Verdict(flags=flags, epoch=epoch, reason=int(reason), seq=seq, latency=latency)


def _cut(payload: bytes, span: Span) -> bytes:
    return payload[span.start : span.end]


def _lookup(tcam: Tcam, key: bytes) -> Bits:
    """Columns that match *key*, its terminator included."""
    data = np.frombuffer(key + bytes([TERMINATOR]), np.uint8)[: tcam.space.positions]
    return ~_mismatch(tcam, data)


def _mismatch(tcam: Tcam, data: npt.NDArray[np.uint8]) -> Bits:
    positions = np.arange(len(data))
    refused = tcam.mismatch[positions, 0, data & 15] | tcam.mismatch[positions, 1, data >> 4]
    mismatch: Bits = refused.any(axis=0)
    return mismatch


def _header_reasons(hits: Bits, predicates: int, lexed: Lexed) -> set[Reason]:
    counts = hits.sum(axis=0)
    length, coding, chunked = (
        int(counts[predicates + c]) for c in (Column.LENGTH, Column.CODING, Column.CHUNKED)
    )
    reasons = set()
    if length + coding > 1 or coding != chunked or (coding and lexed.http_1_0):
        reasons.add(Reason.FRAMING)
    if (counts[:predicates] > 1).any():
        reasons.add(Reason.REPEATED)
    return reasons


def _row(image: TableImage, path: bytes, host: bytes, method: int, predicates: Bits) -> int:
    hosts = np.flatnonzero(_lookup(image.host, host[::-1]))
    host_class = int(image.host_class[hosts[0]]) if len(hosts) else 0
    bits: Sequence[int] = np.packbits(predicates, bitorder="little").tolist()
    word = np.array([host_class, method, *bits], np.uint8)
    rows = np.flatnonzero(_lookup(image.path, path) & ~_mismatch(image.word, word))
    return int(rows[0]) if len(rows) else NO_ROW

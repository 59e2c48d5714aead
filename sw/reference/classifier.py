"""Golden model of the whole NIC for one segment: the lexer, then the table image as a TCAM.

It reads the very image that the NIC is loaded with, so compiler, model and RTL meet in it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hybridmesh.contract.flow import Place
from hybridmesh.contract.geometry import (
    OPTION_QUERY,
    QUERY_BIT,
    QUERY_TERMINATOR,
    ROW_PROVISIONAL,
    ROW_TOUCH,
    TERMINATOR,
    Geometry,
)
from hybridmesh.contract.grammar import TCHAR
from hybridmesh.contract.table import TableImage, Tcam
from hybridmesh.contract.verdict import NO_ROW, Flag, Reason, Verdict

from .lexer import Lexed, Span, lex

__all__ = ["classify"]

Bits = npt.NDArray[np.bool_]


def classify(
    payload: bytes,
    image: TableImage | None,
    *,
    epoch: int,
    enable: bool = True,
    listener: int = 0,
    seq: int = 0,
    latency: int = 0,
    place: Place = Place.HEAD,
    lexed: Lexed | None = None,
) -> Verdict | None:
    """The verdict of the head that begins with *payload*, the TCP payload of one segment.

    None where the NIC inserts no shim: the payload is empty, begins with a byte that no request
    does, or stands in a body.  Without *image* or with *enable* false every verdict is undecided,
    ``TABLE_OFF``.  *lexed* is the payload's, where that is there already.
    """
    if not payload or payload[0] not in TCHAR or place is Place.BODY:
        return None
    if image is None or not enable:
        return _refused(Reason.TABLE_OFF, epoch, seq, latency)
    if place is Place.UNKNOWN:
        return _refused(Reason.UNKNOWN_START, epoch, seq, latency)
    lexed = lexed or lex(payload)
    query = bool(image.options[0] & OPTION_QUERY)
    hits = np.array(
        [
            *(_lookup(image.header, _param(payload, p), QUERY_TERMINATOR) for p in lexed.params),
            *(_lookup(image.header, _cut(payload, line)) for line in lexed.lines),
        ][0 if query else len(lexed.params) :]
        or np.zeros((0, image.geometry.predicates)),
        dtype=np.bool_,
    )
    reasons = set(lexed.reasons)
    if _crowded(lexed, query, image.geometry):
        reasons.add(Reason.CROWDED)
    if (hits.sum(axis=0) > 1).any():
        reasons.add(Reason.REPEATED)
    if reasons:
        return _refused(min(reasons), epoch, seq, latency)
    assert lexed.path is not None  # a head without either has a reason
    assert lexed.host is not None

    predicates: Bits = np.logical_or.reduce(hits, axis=0)
    path = _cut(payload, lexed.path)
    host = _cut(payload, lexed.host)
    row = _row(image, path, host, lexed.method | listener << 4, predicates)
    row_flags = 0 if row == NO_ROW else int(image.row_flags[row])
    flags = Flag.PROVISIONAL if row_flags & ROW_PROVISIONAL else Flag.DECIDED
    if lexed.touch or lexed.http_1_0 or row_flags & ROW_TOUCH:
        flags |= Flag.TOUCH
    if lexed.chunked:
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


def _param(payload: bytes, span: Span) -> bytes:
    """A query parameter's key."""
    return bytes(byte | QUERY_BIT for byte in _cut(payload, span))


def _lookup(tcam: Tcam, key: bytes, terminator: int = TERMINATOR) -> Bits:
    """Columns that match *key*, its terminator included."""
    data = np.frombuffer(key + bytes([terminator]), np.uint8)[: tcam.space.positions]
    return ~_mismatch(tcam, data)


def _mismatch(tcam: Tcam, data: npt.NDArray[np.uint8]) -> Bits:
    positions = np.arange(len(data))
    refused = tcam.mismatch[positions, 0, data & 15] | tcam.mismatch[positions, 1, data >> 4]
    mismatch: Bits = refused.any(axis=0)
    return mismatch


def _crowded(lexed: Lexed, query: bool, geometry: Geometry) -> bool:
    """Whether keys of the same engine are closer than a beat, wherever beats begin."""
    before = (lexed.params if query else ()) + lexed.lines
    starts = (lexed.param_starts if query else ()) + lexed.line_starts
    after = starts[geometry.key_engines :]
    return any(b - a.end < geometry.width for a, b in zip(before, after, strict=False))


def _row(image: TableImage, path: bytes, host: bytes, call: int, predicates: Bits) -> int:
    hosts = np.flatnonzero(_lookup(image.host, host[::-1]))
    host_class = int(image.host_class[hosts[0]]) if len(hosts) else 0
    bits: Sequence[int] = np.packbits(predicates, bitorder="little").tolist()
    word = np.array([host_class, call, *bits], np.uint8)
    rows = np.flatnonzero(_lookup(image.path, path) & ~_mismatch(image.word, word))
    return int(rows[0]) if len(rows) else NO_ROW

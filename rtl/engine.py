"""The verdict engine: lexer, fields, matcher, and the shim that says what came of them."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import Mark

from .http.facts import HeadFacts
from .http.lexer import Lexer
from .layout import TableWrite, frame_verdict, payload_beat
from .match.decimal import Decimal
from .match.delay import Delay
from .match.field import FieldAligner
from .match.hosts import HostMatcher
from .match.lines import LineMatcher
from .match.rows import RowMatcher
from .match.tcam import Tcam
from .verdict import ShimBuilder, line_hits

__all__ = ["VerdictEngine"]

WIDEST = 8
"""Bytes per beat above which three field lines can share a beat."""

LONGEST_HOST = 64
"""Host key bytes above which a host can end while the one before is still given out in reverse.

From a frame's first byte to its host are at least 76 bytes (Ethernet, IPv4 and TCP header, shortest
request line), or 63 in a malformed head, which must not spoil its neighbour's verdict either.
"""


class VerdictEngine(wiring.Component):
    """Judge every frame.

    ==========  =====================================================  =====================
    stage       what happens                                           latency
    ==========  =====================================================  =====================
    lexer       marks and reasons by byte                              Lexer.latency
    fields      path, lines, length and host matched, host the last    + HostMatcher.latency
    rows        the row that wins, and its flags                       + RowMatcher.latency
    o           the shim                                               + 1
    ==========  =====================================================  =====================

    The latency counts from the beat with ``last`` and is the same for every frame and table.  What
    is known before the host's class waits in delay lines.

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    i : stream of payload_beat, always ready
    table : TableWrite
    now : in, 16
        Clock count, as in ``info.arrival``.
    o : stream of frame_verdict, always ready

    Raises
    ------
    ValueError
        For a width or a host key that the fields' spacing does not allow.
    """

    def __init__(self, geometry: Geometry) -> None:
        if geometry.width > WIDEST:
            raise ValueError(
                f"VerdictEngine takes at most {WIDEST} bytes per beat, not {geometry.width}"
            )
        if geometry.host_bytes > LONGEST_HOST:
            raise ValueError(
                f"VerdictEngine takes at most {LONGEST_HOST} host bytes, not {geometry.host_bytes}"
            )
        self._geometry = geometry
        self._lexer = Lexer(geometry)
        self._hosts = HostMatcher(geometry)
        self._rows = RowMatcher(geometry)
        self.latency = self._lexer.latency + self._hosts.latency + self._rows.latency + 1
        super().__init__(
            {
                "i": In(stream.Signature(payload_beat(geometry), always_ready=True)),
                "table": In(TableWrite),
                "now": In(16),
                "o": Out(stream.Signature(frame_verdict(), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        geometry = self._geometry
        m.submodules.lexer = lexer = self._lexer
        m.submodules.facts = facts = HeadFacts(geometry)
        m.submodules.path_aligner = aligner = FieldAligner(geometry.width, geometry.path_bytes)
        m.submodules.path = path = Tcam(geometry.path, geometry.width)
        m.submodules.lines = lines = LineMatcher(geometry)
        m.submodules.length = length = Decimal(geometry.width)
        m.submodules.hosts = hosts = self._hosts
        m.submodules.rows = rows = self._rows
        connect(m, wiring.flipped(self.i), lexer.i)
        connect(m, lexer.o, facts.i)
        connect(m, aligner.o, path.i)
        for part in (path, lines, hosts, rows):
            connect(m, wiring.flipped(self.table), part.table)

        beat = lexer.o.p
        for part, start, end in (
            (aligner, Mark.PATH_START, Mark.PATH_END),
            (lines, Mark.LINE_START, Mark.LINE_END),
            (length, Mark.LENGTH_START, Mark.LENGTH_END),
            (hosts, Mark.HOST_START, Mark.HOST_END),
        ):
            field = part.i.p
            marks = [beat.marks[lane] for lane in range(geometry.width)]
            m.d.comb += [
                part.i.valid.eq(lexer.o.valid),
                field.data.eq(beat.data),
                field.start.eq(Cat(mark[start] for mark in marks)),
                field.end.eq(Cat(mark[end] for mark in marks)),
                field.bank.eq(beat.bank),
                field.first.eq(beat.first),
            ]

        # Everything meets the host's class, and then the row.
        meet = hosts.latency
        found = meet + rows.latency

        def late(name: str, signal: Value, known: int, wanted: int) -> Value:
            """*signal*, valid *known* clocks after the last beat, *wanted* clocks after it."""
            m.submodules[name] = delay = Delay(signal.shape(), wanted - known)
            m.d.comb += delay.i.eq(signal)
            return delay.o

        early = late("early", facts.o.p, facts.latency, meet)
        path_rows = late("path_rows", path.match, FieldAligner.latency + path.latency, meet)
        hits = Signal(line_hits(geometry))
        m.d.comb += [
            hits.seen.eq(lines.seen),
            hits.repeated.eq(lines.repeated),
            hits.touched.eq(lines.touched),
        ]
        met = late("hits", hits, lines.latency, meet)
        at_bank = late("class_bank", facts.o.p.bank, facts.latency, meet - 1)
        predicates = met.seen[: geometry.predicates]
        m.d.comb += [
            hosts.bank.eq(at_bank),
            rows.valid.eq(late("asked", facts.o.valid, facts.latency, meet)),
            rows.word.eq(Cat(hosts.host_class, early.method, Const(0, 4), predicates)),
            rows.path.eq(path_rows),
            rows.bank.eq(early.bank),
        ]

        m.submodules.shim = shim = ShimBuilder(geometry)
        m.d.comb += [
            shim.valid.eq(late("judged", facts.o.valid, facts.latency, found)),
            shim.facts.eq(late("late", facts.o.p, facts.latency, found)),
            shim.hits.eq(late("late_hits", met, meet, found)),
            shim.length.eq(late("late_length", length.value, Decimal.latency, found)),
            shim.found.eq(rows.found),
            shim.row.eq(rows.row),
            shim.row_flags.eq(rows.flags),
            shim.now.eq(self.now),
        ]
        connect(m, shim.o, wiring.flipped(self.o))
        return m

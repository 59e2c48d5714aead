"""The verdict engine: lexer, fields, matcher, and the shim that says what came of them."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hybridmesh.contract.geometry import OPTION_QUERY, Geometry
from hybridmesh.contract.grammar import Mark
from hybridmesh.contract.verdict import Reason

from .flow.guard import Message, Place
from .http.facts import HeadFacts
from .http.lexer import Lexer
from .layout import TableRead, TableWrite, frame_verdict, payload_beat
from .match.decimal import Decimal
from .match.delay import Delay
from .match.field import FieldAligner, terminated
from .match.hosts import HostMatcher
from .match.keys import KeyMatcher
from .match.options import Options
from .match.rows import RowMatcher
from .match.tcam import Tcam
from .pipeline import delayed
from .verdict import ShimBuilder

__all__ = ["VerdictEngine"]


class VerdictEngine(wiring.Component):
    """Judge every frame.

    ==========  ==================================================  =====================
    stage       what happens                                        latency
    ==========  ==================================================  =====================
    lexer       marks and rules by byte                             Lexer.latency
    fields      path, lines, length and host matched, the host's    + ``fields``
                class or the predicates the last
    rows        the row that wins, and its flags                    + RowMatcher.latency
    o           the shim                                            + 1
    ==========  ==================================================  =====================

    The latency counts from the beat with ``last`` and is the same for every frame and table: 29
    clocks at width 1, 32 at widths 8 and 64, with host keys of 64 bytes.  What is known before it
    is needed waits in delay lines.

    Parameters
    ----------
    geometry : Geometry
    intact_at : int
        Clocks after the beat with ``last`` at which ``intact`` is valid.
    placed_after : int
        Clocks after ``message`` at which ``place`` is valid.

    Members
    -------
    i : stream of payload_beat, always ready
    intact : in
        The frame's checksums are right; a head in several frames counts if all are.
    message : out, stream of Message, always ready
        What is known of each frame that counts, for the flow guard.
    coming : out
        A message comes ``lead`` clocks later that tells the guard something, if the frame is
        intact.
    place : in, Place
        Where the frame's payload begins.
    table : TableWrite
    ask : TableRead
    now : in, 16
        Clock count, as in ``info.arrival``.
    o : stream of frame_verdict, always ready

    Attributes
    ----------
    latency, fields, lead : int
    """

    def __init__(self, geometry: Geometry, intact_at: int = 0, placed_after: int = 0) -> None:
        self._geometry = geometry
        self._intact_at = intact_at
        self._placed_after = placed_after
        self._lexer = Lexer(geometry)
        self._facts = HeadFacts(geometry)
        self._aligner = FieldAligner(geometry.width, geometry.path_bytes)
        self._path = Tcam(geometry.path, geometry.width)
        self._keys = KeyMatcher(geometry)
        self._options = Options(geometry.options)
        self._length = Decimal(geometry.width)
        self._hosts = HostMatcher(geometry)
        self._rows = RowMatcher(geometry)
        before_class = max(self._keys.latency, self._facts.latency) + self._rows.lead
        self._framed = self.lead = max(self._facts.latency, self._length.latency)
        placed = self._framed + placed_after + ShimBuilder.lead - self._rows.latency
        self.fields = max(
            self._hosts.latency,
            self._aligner.latency + self._path.latency,
            before_class,
            placed,
        )
        self.latency = self._lexer.latency + self.fields + self._rows.latency + 1
        super().__init__(
            {
                "i": In(stream.Signature(payload_beat(geometry), always_ready=True)),
                "intact": In(1),
                "message": Out(stream.Signature(Message, always_ready=True)),
                "coming": Out(1),
                "place": In(Place),
                "table": In(TableWrite),
                "ask": In(TableRead),
                "now": In(16),
                "o": Out(stream.Signature(frame_verdict(), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.lexer = lexer = self._lexer
        m.submodules.facts = facts = self._facts
        m.submodules.path = path = self._path
        m.submodules.keys = keys = self._keys
        m.submodules.length = length = self._length
        m.submodules.hosts = hosts = self._hosts
        m.submodules.rows = rows = self._rows
        m.submodules.shim = shim = ShimBuilder(self._geometry)
        connect(m, flipped(self.i), lexer.i)
        connect(m, lexer.o, facts.i)
        connect(m, shim.o, flipped(self.o))
        self._cut(m)
        intact = self._tell(m)
        self._load(m)

        # All is known so many clocks after the lexer's last beat, and is needed so many after it.
        row = self.fields + rows.latency - shim.lead
        call = self.fields - rows.lead
        classes = hosts.latency - 1
        met = [self._late(m, facts.o.p[name], facts.latency, call) for name in ("method", "bank")]
        listener = self._late(m, facts.o.p.info.listener, facts.latency, call)
        seen = self._late(m, keys.seen, keys.latency, call)
        asked = facts.o.valid
        # Other frames may be short, and follow one another in less time than a call takes.
        called = asked & facts.o.p.info.candidate & ~facts.o.p.reasons.any()
        m.d.comb += [
            hosts.class_wanted.eq(self._late(m, asked, facts.latency, classes)),
            hosts.class_bank.eq(self._late(m, facts.o.p.bank, facts.latency, classes)),
            rows.call_valid.eq(self._late(m, called, facts.latency, call)),
            rows.call.eq(Cat(met[0], listener)),
            rows.predicates.eq(seen),
            rows.call_bank.eq(met[1]),
            rows.valid.eq(self._late(m, asked, facts.latency, self.fields)),
            rows.bank.eq(self._late(m, met[1], call, self.fields)),
            rows.host_class.eq(self._late(m, hosts.host_class, hosts.latency, self.fields)),
            rows.path.eq(
                self._late(m, path.match, self._aligner.latency + path.latency, self.fields)
            ),
            shim.valid.eq(_reset_late(m, asked, row - facts.latency)),
            shim.facts.eq(self._late(m, facts.o.p, facts.latency, row)),
            shim.intact.eq(self._late(m, intact, self._framed, row)),
            shim.place.eq(
                self._late(m, self.place.as_value(), self._framed + self._placed_after, row)
            ),
            shim.repeated.eq(self._late(m, keys.repeated, keys.latency, row)),
            shim.crowded.eq(self._late(m, keys.crowded, keys.latency, row)),
            shim.length.eq(self._late(m, length.value, length.latency, row)),
            shim.found.eq(rows.found),
            shim.row.eq(rows.row),
            shim.row_flags.eq(rows.flags),
            shim.now.eq(self.now),
        ]
        return m

    def _cut(self, m: Module) -> None:
        """Give each field's part the marks that it needs."""
        lexer, hosts, length = self._lexer, self._hosts, self._length
        beat, marks = lexer.o.p, lexer.o.p.marks
        m.submodules.aligner = aligner = self._aligner
        m.submodules.options = options = self._options
        m.d.comb += options.bank.eq(beat.bank)
        query = (options.o & OPTION_QUERY).any().replicate(self._geometry.width)

        connect(m, aligner.o, self._path.i)
        field, key = aligner.i.p, self._keys.i.p
        m.d.comb += [
            aligner.i.valid.eq(lexer.o.valid),
            field.data.eq(terminated(beat.data, marks[Mark.PATH_END])),
            field.start.eq(marks[Mark.PATH_START]),
            field.mask.eq(marks[Mark.PATH]),
            field.end.eq(marks[Mark.PATH_END]),
            self._keys.i.valid.eq(lexer.o.valid),
            key.data.eq(beat.data),
            key.start.eq(marks[Mark.LINE_START] | (marks[Mark.PARAM_START] & query)),
            key.mask.eq(marks[Mark.LINE] | (marks[Mark.QUERY] & query)),
            key.end.eq(marks[Mark.LINE_END] | (marks[Mark.PARAM_END] & query)),
            key.query.eq(marks[Mark.QUERY]),
            key.offset.eq(beat.offset),
            *(part[name].eq(beat[name]) for part in (field, key) for name in _FRAME),
            hosts.valid.eq(lexer.o.valid),
            hosts.last.eq(beat.last),
            hosts.data.eq(beat.data),
            hosts.start.eq(marks[Mark.HOST_START]),
            hosts.end.eq(marks[Mark.HOST_END]),
            hosts.bank.eq(beat.bank),
            length.valid.eq(lexer.o.valid),
            length.last.eq(beat.last),
            length.data.eq(beat.data),
            length.end.eq(marks[Mark.LENGTH_END]),
        ]

    def _tell(self, m: Module) -> Value:
        """Tell the flow guard of each frame; gives whether all segments of its head are intact."""
        facts, known = self._facts.o.p, self._facts.latency
        unframed = sum(1 << reason for reason in Reason if not reason.framed)
        told = Signal(Message)
        m.d.comb += [
            told.opens.eq(facts.info.opens),
            told.payload.eq(facts.info.candidate),
            told.flow.eq(facts.info.flow),
            told.seq.eq(facts.info.seq),
            told.framed.eq(~(facts.reasons & unframed).any() & ~facts.chunked),
            told.head_length.eq(facts.head_length),
        ]
        beat = self._lexer.o.p
        counts = beat.info.opens | beat.info.candidate
        m.d.comb += self.coming.eq(self._lexer.o.valid & beat.last & counts)
        intact = self._late(m, self.intact, self._intact_at - self._lexer.latency, self._framed)
        valid = self._late(m, self._facts.o.valid, known, self._framed)
        has_length = self._late(m, facts.has_length, known, self._framed)
        joined = self._late(m, facts.info.joined, known, self._framed)
        whole, kept = Signal(), Signal()
        m.d.comb += whole.eq(intact & (kept | ~joined))
        with m.If(valid & self.message.p.payload):
            m.d.sync += kept.eq(whole)
        m.d.comb += [
            self.message.payload.eq(self._late(m, told, known, self._framed)),
            self.message.valid.eq(valid & whole),
            self.message.p.body_length.eq(Mux(has_length, self._length.value, 0)),
        ]
        return whole

    def _load(self, m: Module) -> None:
        """Bring the loader's words to every memory, and one memory's answer back."""
        options, hosts, rows = self._options, self._hosts, self._rows
        for part in (self._path, self._keys, hosts, rows, options):
            connect(m, flipped(self.table), part.table)
        asks = (
            self._path.ask,
            self._keys.ask,
            hosts.ask_patterns,
            hosts.ask_classes,
            rows.ask_calls,
            rows.ask_classes,
            rows.ask_flags,
            options.ask,
        )
        for ask in asks:
            m.d.comb += [getattr(ask, name).eq(getattr(self.ask, name)) for name in _QUESTION]
        m.d.comb += [
            self.ask.done.eq(reduce(or_, (ask.done for ask in asks))),
            self.ask.data.eq(reduce(or_, (ask.data for ask in asks))),
        ]

    def _late(self, m: Module, signal: Value, known: int, wanted: int) -> Value:
        """*signal*, valid *known* clocks after the last beat, *wanted* clocks after it."""
        clocks = wanted - known
        if clocks < 2:
            return delayed(m, signal, clocks)
        m.submodules += (delay := Delay(signal.shape(), clocks))
        m.d.comb += delay.i.eq(signal)
        return delay.o


def _reset_late(m: Module, signal: Value, clocks: int) -> Value:
    """*signal*, *clocks* clocks late, in registers that a reset clears as it does not memory: a
    verdict of a frame from before would be taken for the first one's after it.
    """
    for _ in range(clocks):
        m.d.sync += (later := Signal()).eq(signal)
        signal = later
    return signal


_FRAME = ("bank", "first", "last")
_QUESTION = ("en", "bank", "space", "word")

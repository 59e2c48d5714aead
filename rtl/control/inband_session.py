"""The session: which request is carried out, answered from memory, or passed over."""

from amaranth.hdl import Module, Mux, Signal, ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.inband import LIMIT, Kind, Outcome

from .inband_request import ADDRESS, Request

__all__ = ["Answer", "InbandSession", "Outcomes"]

Answer = data.StructLayout(
    {
        "asker": ADDRESS,
        "kind": 8,
        "session": 32,
        "sequence": 32,
        "owner": 32,
        "words": range(LIMIT // 4 + 1),
        "done": 16,
    }
)
"""What an answer's headers say that is not the same in all."""

Outcomes = data.StructLayout({outcome.word: 1 for outcome in Outcome})
"""What has become of a control frame in a clock: at most one of each."""


class InbandSession(wiring.Component):
    """Take one request at a time from ``good`` to the end of its answer.

    =========  ===================================================  ===================
    stage      what happens                                         clocks
    =========  ===================================================  ===================
    compare    session and sequence number with those known         1
    decide     passed over, answered, or to be carried out          1
    run        checked and carried out                              the runner's
    answer     what is to be sent stands                            until it is sent
    =========  ===================================================  ===================

    Members
    -------
    good : in
        A request has come; not while ``busy``.
    request : Request
        Stays while ``busy``.
    busy : out
    start : out
        The runner is to check it and carry it out.
    checked, malformed, done, refused, operations, words : in
        As the runner has them.
    answer : Answer
    send : out
        ``answer`` is to be sent, and stays.
    sent : in
        It has been.
    outcomes : Outcomes
        All but those of frames that are not ``good``.
    """

    def __init__(self) -> None:
        words = range(LIMIT // 4 + 1)
        super().__init__(
            {
                "good": In(1),
                "request": In(Request),
                "busy": Out(1),
                "start": Out(1),
                "checked": In(1),
                "malformed": In(1),
                "done": In(1),
                "refused": In(1),
                "operations": In(words),
                "words": In(words),
                "answer": Out(Answer),
                "send": Out(1),
                "sent": In(1),
                "outcomes": Out(Outcomes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._session = Signal(32)  # that the NIC holds to
        self._next, self._last = Signal(32), Signal(32)  # sequence numbers
        self._pending, self._first = Signal(32), Signal(32)  # of the session that is to be opened
        self._clock = Signal(32)
        self._kept = Signal(Answer)  # of the last request: kind, words, done
        self._holds, self._begins, self._is_next, self._is_last = (
            Signal(name=name) for name in ("holds", "begins", "is_next", "is_last")
        )
        m.d.sync += self._clock.eq(self._clock + 1)
        request, answer = self.request, self.answer
        opens, is_first = request.kind == Kind.OPEN, request.sequence == self._first
        m.d.comb += [  # all of it stays while a request is answered
            answer.asker.eq(request.asker),
            answer.session.eq(request.session),
            answer.sequence.eq(Mux(opens, self._first, request.sequence)),
            answer.owner.eq(self._session),
        ]
        with m.FSM() as states:
            with m.State("idle"), m.If(self.good):
                m.next = "compare"
            with m.State("compare"):
                m.d.sync += [
                    self._holds.eq(request.session == self._session),
                    self._begins.eq((request.session == self._pending) & (opens | is_first)),
                    self._is_next.eq(request.sequence == self._next),
                    self._is_last.eq(request.sequence == self._last),
                ]
                m.next = "decide"
                with m.If(opens):
                    m.next = "open"
            with m.State("open"):
                self._open(m)
            with m.State("decide"):
                self._decide(m)
            with m.State("run"):
                self._run(m)
            with m.State("answer"):
                m.d.comb += self.send.eq(1)
                with m.If(self.sent):
                    m.next = "idle"
            m.d.comb += self.busy.eq(~states.ongoing("idle"))
        return m

    def _open(self, m: Module) -> None:
        with m.If(self._holds):
            m.d.comb += self.outcomes.stray.eq(1)
            m.next = "idle"
        with m.Else():
            m.d.comb += self.outcomes.opened.eq(1)
            self._answer(m, Kind.OPENED)
            with m.If(~self._begins):
                m.d.sync += [
                    self._pending.eq(self.request.session),
                    self._first.eq(self._clock),
                ]

    def _decide(self, m: Module) -> None:
        with m.If(self._begins | (self._holds & self._is_next)):
            m.d.comb += self.start.eq(1)
            m.next = "run"
        with m.Elif(~self._holds):
            m.d.comb += self.outcomes.lost.eq(1)
            self._answer(m, Kind.LOST)
        with m.Elif(self._is_last):
            m.d.comb += self.outcomes.repeated.eq(1)
            self._answer(m, self._kept.kind)
            m.d.sync += [
                self.answer.words.eq(self._kept.words),
                self.answer.done.eq(self._kept.done),
            ]
        with m.Else():
            m.d.comb += self.outcomes.stray.eq(1)
            m.next = "idle"

    def _run(self, m: Module) -> None:
        request = self.request
        with m.If(self.malformed):
            m.d.comb += self.outcomes.malformed.eq(1)
            m.next = "idle"
        with m.If(self.checked):
            m.d.sync += [
                self._session.eq(request.session),
                self._last.eq(request.sequence),
                self._next.eq(request.sequence + 1),
            ]
            with m.If(self._begins):
                m.d.sync += self._pending.eq(0)
        with m.If(self.done):
            m.d.comb += self.outcomes.executed.eq(1)
            self._answer(m, Kind.DONE)
            for answer in (self.answer, self._kept):
                m.d.sync += [answer.words.eq(self.words), answer.done.eq(self.operations)]
                with m.If(self.refused):
                    m.d.sync += answer.kind.eq(Kind.REFUSED)
                with m.Else():
                    m.d.sync += answer.kind.eq(Kind.DONE)

    def _answer(self, m: Module, kind: ValueLike) -> None:
        """Answer by *kind*, with no words."""
        m.d.sync += [self.answer.kind.eq(kind), self.answer.words.eq(0), self.answer.done.eq(0)]
        m.next = "answer"

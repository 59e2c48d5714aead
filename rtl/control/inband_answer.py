"""The sender: answers to the host, between the frames that come from the core."""

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.crc.catalog import CRC32_ETHERNET
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.inband import (
    ADDRESSES,
    ETHERTYPE,
    LIMIT,
    NIC_ADDRESS,
    SHORTEST,
    VERSION,
)
from hybridmesh.contract.registers import VERSION as REGISTERS_VERSION

from ..layout import packet_beat
from ..memory import TableMemory
from ..stream import RegisterSlice, packets
from .inband_request import BODY, word_of
from .inband_session import Answer

__all__ = ["AnswerSender"]


class AnswerSender(wiring.Component):
    """Pass frames on, and put an answer between two of them.

    ========  ===================================================  =======
    stage     what happens                                         latency
    ========  ===================================================  =======
    turn      behind a frame's end, or while none is under way     1
    byte      of a frame, or of the answer                         0
    o         registered                                           1
    ========  ===================================================  =======

    One byte per clock; ``i`` waits for ``o``, and for an answer as many clocks as that has bytes.

    Members
    -------
    i, o : packet stream of width 1
    answer : Answer
    send : in
        ``answer`` is to be sent, and stays until ``sent``.
    sent : out
        It has been, a clock before.
    w_en, w_addr, w_data : in
        A word of the answer's body; they are kept until they are written over.
    """

    def __init__(self) -> None:
        self._words = LIMIT // 4
        super().__init__(
            {
                "i": In(packets(1)),
                "o": Out(packets(1)),
                "answer": In(Answer),
                "send": In(1),
                "sent": Out(1),
                "w_en": In(1),
                "w_addr": In(range(self._words)),
                "w_data": In(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.o = o = RegisterSlice(packet_beat(1))
        m.submodules.answer = answer = _AnswerBytes(self._words)
        i = self.i
        within, answering = Signal(), Signal()  # a frame is under way; an answer is
        ends = Signal()
        taken = o.i.ready & Mux(answering, answer.valid, i.valid)
        wiring.connect(m, o.o, wiring.flipped(self.o))
        m.d.comb += [
            answer.answer.eq(self.answer),
            answer.begin.eq(self.send & ~answer.valid & ~self.sent),
            answer.w_en.eq(self.w_en),
            answer.w_addr.eq(self.w_addr),
            answer.w_data.eq(self.w_data),
            answer.next.eq(answering & o.i.ready),
            i.ready.eq(~answering & o.i.ready),
            o.i.valid.eq(Mux(answering, answer.valid, i.valid)),
            o.i.payload.eq(i.payload),
            ends.eq(answering & taken & answer.last),
        ]
        with m.If(answering):
            m.d.comb += [
                o.i.p.data.eq(answer.byte),
                o.i.p.keep.eq(1),
                o.i.p.last.eq(answer.last),
                o.i.p.error.eq(0),
            ]
        more = Signal()  # the frame of ``i`` that is under way goes on behind this clock
        m.d.comb += more.eq(Mux(i.valid & i.ready, ~i.p.last, within))
        m.d.sync += [within.eq(more), self.sent.eq(ends)]
        with m.If(ends):
            m.d.sync += answering.eq(0)
        with m.Elif(~answering):
            m.d.sync += answering.eq(answer.valid & ~more)
        return m


class _AnswerBytes(wiring.Component):
    """The bytes of an answer, four of a word at a time, the next word being fetched meanwhile.

    =========  ==================================  =======
    stage      what happens                        latency
    =========  ==================================  =======
    word       its number is known                 1
    memory     read                                3
    following  chosen                              4
    =========  ==================================  =======

    Members
    -------
    answer : Answer
        Stays from ``begin`` to the last byte.
    begin : in
        The first byte shall be there in the next clock; not while ``valid``.
    valid, byte, last : out
    next : in
        ``byte`` is taken.
    w_en, w_addr, w_data : in
        A word of the body.
    """

    def __init__(self, words: int) -> None:
        self._words = words
        super().__init__(
            {
                "answer": In(Answer),
                "begin": In(1),
                "valid": Out(1),
                "byte": Out(8),
                "last": Out(1),
                "next": In(1),
                "w_en": In(1),
                "w_addr": In(range(words)),
                "w_data": In(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = crc = CRC32_ETHERNET(data_width=8).create()
        m.submodules.memory = memory = TableMemory(32, self._words, distributed=False)
        answer = self.answer
        numbers = range(BODY + self._words + 1)
        number = Signal(numbers)  # of the word that is being sent
        check, final = Signal(numbers), Signal(numbers)  # those before that of the CRC, the last
        is_check, is_final, covered = Signal(), Signal(), Signal()  # by the CRC
        next_is_check, next_is_final = Signal(), Signal()  # a word lasts for four clocks
        lane, shift = Signal(2), Signal(32)
        header, is_body, following = Signal(32), Signal(), Signal(32)  # of the word behind it
        taken = self.valid & self.next

        m.d.sync += [
            check.eq(answer.words + (BODY - 1)),
            final.eq(Mux(answer.words > SHORTEST // 4 - 1 - BODY, check, SHORTEST // 4 - 2)),
            next_is_check.eq(number == check),
            next_is_final.eq(number == final),
            header.eq(self._header(m, number)),
            is_body.eq((number >= BODY - 1) & (number < check)),
            following.eq(Mux(is_body, memory.r_data, header)),
        ]
        m.d.comb += [
            memory.w_en.eq(self.w_en),
            memory.w_addr.eq(self.w_addr),
            memory.w_data.eq(self.w_data),
            memory.r_en.eq(self.valid),
            memory.r_addr.eq(number - (BODY - 1)),
            crc.start.eq(self.begin),
            crc.data.eq(shift[24:]),
            crc.valid.eq(taken & covered),
            self.byte.eq(Mux(is_check, crc.crc.word_select(lane, 8), shift[24:])),
            self.last.eq(is_final & (lane == 3)),
        ]
        with m.If(self.begin):
            m.d.sync += [self.valid.eq(1), number.eq(0), shift.eq(answer.asker[16:])]
        with m.Elif(taken):
            m.d.sync += [lane.eq(lane + 1), shift.eq(shift << 8)]
            with m.If(lane == 3):
                m.d.sync += [
                    *(number.eq(number + 1), shift.eq(following), self.valid.eq(~self.last)),
                    *(is_check.eq(next_is_check), is_final.eq(next_is_final)),
                    covered.eq((covered | (number == ADDRESSES // 4 - 1)) & ~next_is_check),
                ]
        return m

    def _header(self, m: Module, number: Value) -> Value:
        """The word behind word *number*, if that is a header's; or else zero."""
        answer = self.answer
        nic = int.from_bytes(NIC_ADDRESS, "big")
        words = {
            1: Cat(C(nic >> 32, 16), answer.asker[:16]),
            2: C(nic, 48)[:32],
            word_of("ethertype"): Cat(answer.kind, C(VERSION, 8), C(ETHERTYPE, 16)),
            word_of("session"): answer.session,
            word_of("sequence"): answer.sequence,
            word_of("owner"): answer.owner,
            word_of("length"): Cat(C(LIMIT, 16), answer.words << 2),
            word_of("done"): Cat(C(REGISTERS_VERSION, 16), answer.done),
        }
        word = Signal(32)
        with m.Switch(number):
            for following, value in words.items():
                with m.Case(following - 1):
                    m.d.comb += word.eq(value)
        return word

"""The operations of a request: all of them are checked, then carried out one by one."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.inband import LIMIT, PATIENCE, Code
from hybridmesh.contract.registers import ADDRESS_BITS

from .registers import RegisterBus

__all__ = ["OperationRunner"]

WORDS = LIMIT // 4


class OperationRunner(wiring.Component):
    """Go through a request's body twice: to check it, and to carry it out.

    =========  ====================================================  ==========
    stage      what happens                                          clocks
    =========  ====================================================  ==========
    address    the memory is asked for an operation's head           2
    code       the head's first word is there: code and words        1
    place      its second word is there: the address                 1
    sum        where it ends, and what is read up to it              1
    compare    with what there is                                    1
    judge      the check goes on, or the operation is carried out    1
    write      a word is written; the next is asked for              3 a word
    read       a word is read, until it is not refused               4 a try
    =========  ====================================================  ==========

    Members
    -------
    start : in
        Begin; not while it is under way.
    length : in
        Words of the body; stays until ``done`` or ``malformed``.
    r_addr : out
    r_data : in
        The body's word at ``r_addr``, two clocks after.
    bus : RegisterBus
    checked : out
        The operations are well formed; the first one is carried out from the next clock on.
    done, malformed : out
        It is over; nothing was carried out if malformed.
    refused : out
        With ``done``: one was refused.
    operations, words : out
        With ``done``: how many were carried out, words that they have read.
    w_en, w_addr, w_data : out
        A word that was read, for the answer.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "start": In(1),
                "length": In(range(WORDS + 1)),
                "r_addr": Out(range(WORDS)),
                "r_data": In(32),
                "bus": Out(RegisterBus),
                "checked": Out(1),
                "done": Out(1),
                "malformed": Out(1),
                "refused": Out(1),
                "operations": Out(range(WORDS + 1)),
                "words": Out(range(WORDS + 1)),
                "w_en": Out(1),
                "w_addr": Out(range(WORDS)),
                "w_data": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._at = at = Signal(range(WORDS + 3))  # word of the body
        self._checking = checking = Signal()
        self._left = Signal(16)  # words of the operation
        self._code = code = Signal(16)
        self._address = address = Signal(ADDRESS_BITS + 1)  # the highest bit: beyond the map
        self._asked = Signal(range(WORDS + 1))  # words that the operations before this one read
        self._end, self._asks = Signal(17), Signal(17)  # behind this one: at, asked
        self._odd = Signal()  # it is not well formed
        self._tries = Signal(range(PATIENCE))
        m.d.comb += [
            self.r_addr.eq(at),
            self.bus.w_address.eq(address),
            self.bus.w_data.eq(self.r_data),
            self.bus.r_address.eq(address),
            self.w_addr.eq(self.words),
        ]
        self._w_error, self._r_error = Signal(), Signal()  # answers have come a long way
        m.d.sync += [
            self._w_error.eq(self.bus.w_error),
            self._r_error.eq(self.bus.r_error),
            self.w_data.eq(self.bus.r_data),
        ]
        with m.FSM():
            with m.State("idle"):
                m.d.sync += [at.eq(0), checking.eq(1), self.words.eq(0), self.operations.eq(0)]
                m.d.sync += self._asked.eq(0)
                with m.If(self.start):
                    m.next = "address"
            with m.State("address"):  # a body of no operations has no head
                with m.If(at == self.length):
                    self._end_of_pass(m)
                with m.Else():
                    m.d.sync += at.eq(at + 1)
                    m.next = "fetch"
            with m.State("fetch"):
                m.d.sync += at.eq(at + 1)
                m.next = "code"
            with m.State("code"):
                m.d.sync += [self._left.eq(self.r_data), code.eq(self.r_data[16:])]
                m.next = "place"
            with m.State("place"):
                low, high = self.r_data[:ADDRESS_BITS], self.r_data[ADDRESS_BITS:]
                m.d.sync += address.eq(Cat(low, high.any()))
                m.next = "sum"
            self._weigh(m)
            with m.State("judge"):
                self._judge(m)
            self._write(m)
            self._read(m)
        return m

    def _end_of_pass(self, m: Module) -> None:
        with m.If(self._checking):
            m.d.comb += self.checked.eq(1)
            m.d.sync += [self._checking.eq(0), self._at.eq(0)]
        with m.Else():
            m.d.comb += self.done.eq(1)
            m.next = "idle"

    def _weigh(self, m: Module) -> None:
        """An addition, or a comparison, is logic enough for a clock."""
        writes = self._code == Code.WRITE
        known = writes | (self._code == Code.READ) | (self._code == Code.READ_RUN)
        with m.State("sum"):
            m.d.sync += [
                self._end.eq(self._at + Mux(writes, self._left, 0)),
                self._asks.eq(self._asked + Mux(writes, 0, self._left)),
            ]
            m.next = "compare"
        with m.State("compare"):
            beyond = (self._end > self.length) | (self._asks > WORDS)
            m.d.sync += self._odd.eq(~known | (self._left == 0) | beyond)
            m.next = "judge"

    def _judge(self, m: Module) -> None:
        with m.If(~self._checking):
            m.next = "read"
            with m.If(self._code == Code.WRITE):
                m.next = "write"
        with m.Elif(self._odd):
            m.d.comb += self.malformed.eq(1)
            m.next = "idle"
        with m.Else():
            m.d.sync += [self._at.eq(self._end), self._asked.eq(self._asks)]
            m.next = "address"

    def _finish_word(self, m: Module, again: str) -> None:
        """A word has been written or read: go on with the next one by the state *again*."""
        m.d.sync += self._left.eq(self._left - 1)
        m.next = again
        with m.If(self._left == 1):
            m.d.sync += self.operations.eq(self.operations + 1)
            m.next = "address"

    def _refuse(self, m: Module) -> None:
        m.d.comb += [self.done.eq(1), self.refused.eq(1)]
        m.next = "idle"

    def _write(self, m: Module) -> None:
        bus, outside = self.bus, self._address[-1]
        with m.State("write"):
            m.d.comb += bus.w_en.eq(~outside)
            m.d.sync += self._at.eq(self._at + 1)
            m.next = "writing"
        with m.State("writing"):  # the next word is on its way from the memory
            m.next = "written"
        with m.State("written"):
            with m.If(self._w_error | outside):
                self._refuse(m)
            with m.Else():
                self._finish_word(m, "write")

    def _read(self, m: Module) -> None:
        bus, outside = self.bus, self._address[-1]
        with m.State("read"):
            m.d.comb += bus.r_en.eq(~outside)
            m.next = "asked"
        with m.State("asked"):
            m.next = "reading"
        with m.State("reading"):
            m.next = "answer"
        with m.State("answer"):
            with m.If(~self._r_error & ~outside):
                m.d.comb += self.w_en.eq(1)
                m.d.sync += [self.words.eq(self.words + 1), self._tries.eq(0)]
                with m.If(self._code == Code.READ_RUN):
                    m.d.sync += self._address.eq(self._address + 4)
                self._finish_word(m, "read")
            with m.Elif(outside | (self._tries == PATIENCE - 1)):
                m.d.sync += self._tries.eq(0)
                self._refuse(m)
            with m.Else():
                m.d.sync += self._tries.eq(self._tries + 1)
                m.next = "read"

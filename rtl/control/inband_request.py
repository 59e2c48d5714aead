"""The receiver: a control frame is kept and checked, before anything is done of what it asks."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.crc.catalog import CRC32_ETHERNET
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.inband import ADDRESSES, HEADER, LIMIT, VERSION, Kind

from ..layout import packet_beat
from ..memory import TableMemory

__all__ = ["ADDRESS", "BODY", "Request", "RequestReceiver", "word_of"]

ADDRESS = 48
"""Bits of a MAC address, the first byte the highest."""

Request = data.StructLayout(
    {
        "asker": ADDRESS,
        "version": 8,
        "kind": 8,
        "session": 32,
        "sequence": 32,
        "length": 16,
    }
)
"""What is kept of a control frame's headers."""


def word_of(name: str) -> int:
    """The word of a frame, counted from 0, that field *name* of the header is in."""
    return (ADDRESSES + next(f.offset for f in HEADER.fields if f.name == name)) // 4


BODY = (ADDRESSES + HEADER.size) // 4
"""The word of a frame, counted from 0, with which its body begins."""


class RequestReceiver(wiring.Component):
    """Keep a control frame's header and body, and say whether it is one.

    =========  ==================================================  =======
    stage      what happens                                        latency
    =========  ==================================================  =======
    word       four bytes are in the header, or on their way to    1
               the memory
    ended      behind a frame's last byte: good, malformed or      1
               missed
    =========  ==================================================  =======

    A frame is looked at if ``busy`` is low, and the one before it was not good, as its first byte
    comes.  ``request`` and the memory stay as they are from ``good`` on, while ``busy`` is high.

    Members
    -------
    valid, beat : in
        Each byte that the host sends, of all frames.
    control : in
        From a frame's 15th byte on, or its end: this is a control frame.
    busy : in
        From the clock after ``good``: the last request is not done with.
    good : out
        ``request`` has come, whole and in the right form; the operations are not looked at.
    malformed, missed : out
        A control frame has ended that is not so, or that was not looked at.
    request : Request
    r_addr : in
    r_data : out, 32
        Word of the body at ``r_addr``, ``latency`` clocks after.
    """

    latency = 2

    def __init__(self) -> None:
        self._words = LIMIT // 4
        super().__init__(
            {
                "valid": In(1),
                "beat": In(packet_beat(1)),
                "control": In(1),
                "busy": In(1),
                "good": Out(1),
                "malformed": Out(1),
                "missed": Out(1),
                "request": Out(Request),
                "r_addr": In(range(self._words)),
                "r_data": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = crc = CRC32_ETHERNET(data_width=8).create()
        m.submodules.memory = memory = TableMemory(32, self._words, distributed=False)
        request, beat = self.request, self.beat
        lane = Signal(2)
        number = Signal(range(BODY + self._words + 2))  # of the word; the highest: any behind
        looking = Signal()
        before = Signal(24)  # bytes of this word that have come
        word, whole = Signal(32), Signal()
        summed = Signal()  # the CRC has come
        ended, bad = Signal(), Signal()
        first = (lane == 0) & (number == 0)

        m.d.comb += [
            word.eq(Cat(beat.data, before)),
            whole.eq(self.valid & (lane == 3)),
            crc.data.eq(beat.data),
            crc.start.eq(self.valid & first),
            crc.valid.eq(self.valid & (number >= ADDRESSES // 4) & ~summed),
        ]
        m.d.sync += ended.eq(self.valid & beat.last)
        with m.If(self.valid):
            m.d.sync += [lane.eq(lane + 1), before.eq(word), bad.eq(beat.error)]
            with m.If(first):
                m.d.sync += [looking.eq(~self.busy & ~self.good), summed.eq(0)]
            with m.If(beat.last):
                m.d.sync += [lane.eq(0), number.eq(0)]
            with m.Elif((lane == 3) & ~number.all()):
                m.d.sync += number.eq(number + 1)

        body_end = Signal.like(number)  # the word that the CRC is
        m.d.comb += body_end.eq(request.length[2:] + BODY)
        with m.If(whole & (number >= BODY) & (number == body_end)):
            m.d.sync += summed.eq(1)
        with m.If(whole & looking):
            self._keep_header(m, number, word)
        m.d.comb += [
            memory.w_en.eq(whole & looking & (number >= BODY) & (number < BODY + self._words)),
            memory.w_addr.eq(number - BODY),
            memory.w_data.eq(word),
            memory.r_en.eq(self.busy),
            memory.r_addr.eq(self.r_addr),
            self.r_data.eq(memory.r_data),
        ]

        sound, known = Signal(), Signal()
        m.d.sync += known.eq(self._is_sound())  # long before the CRC has come
        m.d.comb += [
            sound.eq(summed & crc.match_detected & ~bad & known),
            self.good.eq(ended & self.control & looking & sound),
            self.malformed.eq(ended & self.control & looking & ~sound),
            self.missed.eq(ended & self.control & ~looking),
        ]
        return m

    def _keep_header(self, m: Module, number: Value, word: Value) -> None:
        request = self.request
        with m.Switch(number):
            with m.Case(1):
                m.d.sync += request.asker[32:].eq(word)
            with m.Case(2):
                m.d.sync += request.asker[:32].eq(word)
            with m.Case(word_of("version")):
                m.d.sync += Cat(request.kind, request.version).eq(word)
            with m.Case(word_of("session")):
                m.d.sync += request.session.eq(word)
            with m.Case(word_of("sequence")):
                m.d.sync += request.sequence.eq(word)
            with m.Case(word_of("length")):
                m.d.sync += request.length.eq(word[16:])

    def _is_sound(self) -> Value:
        """Whether the host may send a frame with this header."""
        request = self.request
        opens = (request.kind == Kind.OPEN) & (request.length == 0)
        asks = (request.kind == Kind.REQUEST) & (request.version == VERSION)
        fits = ~request.length[:2].any() & (request.length <= LIMIT)
        return (request.session != 0) & fits & (opens | asks)

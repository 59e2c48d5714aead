"""The host, last byte first: so that ``*.example.com`` is a prefix of the key."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hybridmesh.contract.geometry import TERMINATOR

from .field import key_beat

__all__ = ["LONG_KEY", "Reverser"]

LONG_KEY = 1 << 16
"""Positions of the keys it takes: any host that a segment can hold."""


class Reverser(wiring.Component):
    """Keep the last bytes of a key and give them out again in reverse.

    ==========  ==================================================  ===================
    stage       what happens                                        latency
    ==========  ==================================================  ===================
    s1_store    bytes in the buffer, the key's length known         1
    o           word k of the reversed key                          2 + k
    ==========  ==================================================  ===================

    The latency counts from the beat with the key's end.  The last word comes at most
    ``2 + positions / width - 1`` clocks after it; a key that ends before that spoils this one.
    Frames keep their hosts farther apart, see :class:`~hybridmesh.rtl.engine.VerdictEngine`.

    Parameters
    ----------
    width : int
    positions : int
        Bytes of the reversed key that are given out.

    Members
    -------
    i : stream of key_beat(width, LONG_KEY), always ready
    o : stream of key_beat(width, positions), always ready
    """

    latency = 2

    def __init__(self, width: int, positions: int) -> None:
        self._width = width
        self._positions = positions
        super().__init__(
            {
                "i": In(stream.Signature(key_beat(width, LONG_KEY), always_ready=True)),
                "o": Out(stream.Signature(key_beat(width, positions), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self._width
        lane_bits = exact_log2(width)
        words = self._positions // width
        word_bits = exact_log2(words)
        i, o = self.i.p, self.o.p

        # s1_store: the buffer is a ring, a long key's first bytes are overwritten, though never by
        # the terminator, which is one byte more than the ring takes
        length = Signal(16)
        bank = Signal()
        busy = Signal()
        turn = Signal(range(max(words, 2)))
        ports = []
        for lane in range(width):
            memory = m.submodules[f"lane{lane}"] = Memory(shape=8, depth=words, init=[])
            write, read = memory.write_port(), memory.read_port(domain="comb")
            byte = i.data.word_select(lane, 8)
            m.d.comb += [
                write.addr.eq(i.word[lane]),
                write.data.eq(byte),
                write.en.eq(self.i.valid & i.mask[lane] & (byte != TERMINATOR)),
            ]
            ports.append(read)

        # o: byte r of the reversed key is byte length - 1 - r of the key
        m.d.sync += self.o.valid.eq(busy)
        m.d.sync += [o.begin.eq(turn == 0), o.bank.eq(bank), o.first.eq(0), o.length.eq(length)]
        lasts = []
        addresses = []
        for lane in range(width):
            source = Signal(17, name=f"source{lane}")
            m.d.comb += source.eq(length - 1 - lane)
            addresses.append(((source >> lane_bits) - turn)[:word_bits])
            number = turn * width + lane
            byte = Array(port.data for port in ports)[source[:lane_bits]]
            m.d.sync += [
                o.data.word_select(lane, 8).eq(Mux(number == length, TERMINATOR, byte)),
                o.mask[lane].eq(number <= length),
                o.word[lane].eq(turn),
            ]
            lasts.append(number == length)
        for lane, port in enumerate(ports):
            # the output lane that this buffer lane feeds
            taker = Signal(range(max(width, 2)), name=f"taker{lane}")
            m.d.comb += taker.eq((length - 1 - lane)[:lane_bits])
            m.d.comb += port.addr.eq(Array(addresses)[taker])
        ends = Cat(lasts).any() | (turn == words - 1)
        m.d.sync += o.end.eq(ends)
        with m.If(busy):
            m.d.sync += turn.eq(turn + 1)
            with m.If(ends):
                m.d.sync += busy.eq(0)
        with m.If(self.i.valid & i.end):
            m.d.sync += [length.eq(i.length), bank.eq(i.bank), busy.eq(1), turn.eq(0)]
        return m

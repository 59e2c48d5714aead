"""Segments in, and the beats out that their heads would have come in uncut, where the golden model
says that they are put together; the last beat of a frame a constant time after it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles

from hybridmesh.contract.flow import HEADERS
from hybridmesh.reference.flows import Head, Succession
from hybridmesh.rtl.flow.joiner import Joiner
from hybridmesh.rtl.layout import Connection, FrameInfo, payload_beat
from tb.lib.begin import is_long, rng_of, start
from tb.lib.design import under_test
from tb.lib.packed import pack, unpack
from tb.lib.pauses import PAUSES
from tb.lib.stream import AmaranthPort, Source
from tb.lib.traffic import any_payload
from tb.lib.valid import Watch

GEOMETRY = under_test().geometry
WIDTH = GEOMETRY.width
LATENCY = Joiner(GEOMETRY).latency
BEAT = payload_beat(GEOMETRY)
FRAMES = 5000 if is_long() else 60 + 5 * WIDTH
SHORTEST = 60

CONNECTIONS = [
    {"ipv4": 1, "addresses": 7 << 200, "port": 40000, "listener": 2},
    {"ipv4": 1, "addresses": 7 << 200, "port": 40001, "listener": 2},
    {"ipv4": 0, "addresses": 7 << 200 | 1, "port": 40000, "listener": 2},
]


class Port(AmaranthPort):
    """``i``, and the connection beside it above its payload."""

    def __init__(self, dut: Any) -> None:
        super().__init__(dut, "i")
        self._connection, self._below = dut.connection, self.bits
        self.bits += len(dut.connection)

    def offer(self, payload: int) -> None:
        super().offer(payload & (1 << self._below) - 1)
        self._connection.value = payload >> self._below


@dataclass(frozen=True)
class Frame:
    """A frame with *payload* behind *before* bytes of headers, and *behind* of padding."""

    payload: bytes
    seq: int
    connection: int
    epoch: int
    counts: bool
    """Whether it is to get a verdict; else what it holds is laid aside."""
    before: int
    behind: int

    def beats(self) -> Iterator[int]:
        """As :class:`Port` takes them; what is not known yet, or not any more, is all ones."""
        start, end = self.before, self.before + len(self.payload)
        frame = b"\n" * start + self.payload + b"\n" * self.behind
        connection = pack(Connection, **CONNECTIONS[self.connection])
        known = {"enable": 1, "epoch": self.epoch, "seq": self.seq}
        for at in range(0, len(frame), WIDTH):
            last = at + WIDTH >= len(frame)
            lanes = [start <= at + lane < end for lane in range(WIDTH)]
            beat = pack(
                BEAT,
                data=int.from_bytes(frame[at : at + WIDTH], "little"),
                mask=sum(inside << lane for lane, inside in enumerate(lanes)),
                offset=at - start & 0xFFFF,
                bank=self.epoch & 1,
                first=at == 0,
                last=last,
                info=pack(FrameInfo, **known, candidate=not last or self.counts),
            )
            beside = connection if any(lanes) else (1 << Connection.size) - 1
            yield beat | beside << BEAT.size


def segments(rng: random.Random) -> Iterator[Frame]:
    """Most of them go on where that connection's last one ended; some heads end, others do not."""
    streams = [any_payload(rng) for _ in CONNECTIONS]
    seqs = [2**32 - rng.randrange(300) for _ in CONNECTIONS]
    connection, epoch = 0, 1
    for _ in range(FRAMES):
        if rng.random() < 0.15:
            connection = rng.randrange(len(CONNECTIONS))
        if rng.random() < 0.03:
            epoch += 1
        if not streams[connection]:
            filler = b"GET /" + b"x" * rng.choice((0, 500, 3000)) if rng.random() < 0.3 else b""
            streams[connection] = filler + any_payload(rng)
        size = rng.choice((0, 1, 2, rng.randrange(1, 40), rng.randrange(1, 200), 1400))
        payload = streams[connection][:size]
        seq = seqs[connection] + (rng.random() < 0.04) - (rng.random() < 0.04)
        before = HEADERS + 4 * rng.choice((0, 0, 0, 1, 5, 16))
        behind = max(SHORTEST - before - len(payload), rng.choice((0, 0, 0, 7)))
        counts = bool(payload) and rng.random() < 0.95
        yield Frame(payload, seq % 2**32, connection, epoch, counts, before, behind)
        if rng.random() < 0.95:  # else it comes once more
            streams[connection] = streams[connection][size:]
            seqs[connection] += len(payload)


def heads(frames: list[Frame]) -> Iterator[Head | None]:
    """By frame what is known of the head then; None where the frame has no payload."""
    model = Succession(GEOMETRY)
    for frame in frames:
        if not frame.payload:
            yield None
            continue
        yield model.came(frame.connection, frame.epoch, frame.seq, frame.payload, intact=True)
        if not frame.counts:
            model.broken()


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES))
async def the_beats_are_those_of_the_head_uncut(dut: Any, idle: str) -> None:
    rng = rng_of(idle)
    source = Source(dut.clk, Port(dut), PAUSES[idle](rng))
    await start(dut)
    came, given = Watch(dut, "i"), Watch(dut, "o")
    sent = list(segments(rng))
    for frame in sent:
        source.send(frame.beats())
    await source.drained()
    await ClockCycles(dut.clk, LATENCY + 1)

    arrived = zip(came.clocks, came.payloads, strict=True)
    ends = [clock for clock, payload in arrived if unpack(BEAT, payload)["last"]]
    left = iter(zip(given.clocks, given.payloads, strict=True))
    joined = 0
    for number, (frame, head, end) in enumerate(zip(sent, heads(sent), ends, strict=True)):
        data = b"" if head is None else head.data
        known = len(data) - len(frame.payload)
        joined += known > 0
        for at in range(known // WIDTH * WIDTH, len(data) + 1, WIDTH):
            clock, payload = next(left)
            beat = unpack(BEAT, payload)
            place = f"frame {number} of {frame}, byte {at}"
            assert beat["last"] == (at + WIDTH > len(data)), place
            lanes = data[at : at + WIDTH]
            assert beat["mask"] == (1 << len(lanes)) - 1, place
            assert beat["data"].to_bytes(WIDTH, "little")[: len(lanes)] == lanes, place
            if head is not None:
                assert (beat["offset"], beat["first"]) == (at, at == 0), place
                assert beat["bank"] == frame.epoch & 1, place
        assert clock == end + LATENCY
        info = beat["info"]
        assert (info["candidate"], info["epoch"]) == (frame.counts, frame.epoch)
        if head is not None:
            assert (info["seq"], info["joined"]) == (head.seq, known > 0), place
    assert next(left, None) is None
    assert joined > FRAMES // 10

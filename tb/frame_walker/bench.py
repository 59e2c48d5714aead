"""The walker shows the payload that software finds, a constant time after each beat."""

from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from hybridmesh.nic.frames import find_segment, is_spoofed
from hybridmesh.rtl.frame.cursor import FrameContext
from hybridmesh.rtl.frame.walker import FrameWalker
from hybridmesh.rtl.layout import payload_beat
from tb.lib.begin import is_long, rng_of, start
from tb.lib.design import under_test
from tb.lib.packed import pack, unpack
from tb.lib.packet import beats
from tb.lib.pauses import PAUSES
from tb.lib.stream import AmaranthPort, Source
from tb.lib.traffic import PORT, any_frame

GEOMETRY = under_test().geometry
WIDTH = GEOMETRY.width
LAYOUT = payload_beat(GEOMETRY)


class Monitor:
    """The beats of ``o`` with the clock of each, and the clocks of the beats of ``i``."""

    def __init__(self, dut: Any) -> None:
        self._dut = dut
        self.given: list[int] = []
        self.taken: list[int] = []
        self.seen: list[dict[str, Any]] = []
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        dut, edge = self._dut, RisingEdge(self._dut.clk)
        clock = 0
        while True:
            await edge
            if dut.i__valid.value:
                self.given.append(clock)
            if dut.o__valid.value:
                self.taken.append(clock)
                self.seen.append(unpack(LAYOUT, int(dut.o__payload.value)))
            clock += 1
            dut.now.value = clock & 0xFFFF


def shown(frame: bytes) -> Iterator[bytes]:
    """The beats of *frame* that the walker shows: none beyond max_frame."""
    cut = frame[: GEOMETRY.max_frame]
    return (cut[at : at + WIDTH] for at in range(0, len(cut), WIDTH))


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES))
async def payload_and_info_are_those_of_the_software_walker(dut: Any, idle: str) -> None:
    rng = rng_of(idle)
    dut.now.value = 0
    dut.context.value = pack(FrameContext, bank=1, enable=1, epoch=7, port=PORT)
    source = Source(dut.clk, AmaranthPort(dut, "i"), PAUSES[idle](rng))
    await start(dut)
    monitor = Monitor(dut)
    sent = [any_frame(rng, rng.randbytes(rng.randint(1, 250))) for _ in range(60 + 600 * is_long())]
    for frame in sent:
        source.send(beats(frame, WIDTH))
    await source.drained()
    await ClockCycles(dut.clk, 20)

    entered = iter(monitor.given)
    left = iter(zip(monitor.taken, monitor.seen, strict=True))
    for frame in sent:
        segment = find_segment(frame) if len(frame) <= GEOMETRY.max_frame else None
        candidate = segment is not None and segment.port == PORT
        payload = bytearray()
        clocks = [next(entered) for _ in beats(frame, WIDTH)]
        for number, lanes in enumerate(shown(frame)):
            clock, beat = next(left)
            assert clock - clocks[number] == FrameWalker.latency
            assert beat["first"] == (number == 0)
            assert beat["bank"] == 1
            data = beat["data"].to_bytes(WIDTH, "little")
            assert data[: len(lanes)] == lanes
            for lane in range(WIDTH):
                if beat["mask"] >> lane & 1:
                    assert beat["offset"] + lane & 0xFFFF == len(payload)
                    payload.append(data[lane])
        assert beat["last"]
        info = beat["info"]
        assert info["candidate"] == candidate, frame.hex()
        assert info["spoofed"] == is_spoofed(frame)
        if candidate:
            assert payload == frame[segment.start : segment.end]
            assert info["seq"] == segment.seq
            assert (info["enable"], info["epoch"]) == (1, 7)
            assert info["arrival"] == clocks[0] & 0xFFFF
    assert next(left, None) is None

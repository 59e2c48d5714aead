"""The walker shows the payload that software finds, a constant time after each beat, and says what
becomes of the frame as software says it."""

from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from hybridmesh.contract.flow import flow_hash
from hybridmesh.nic.frames import SHORTEST, find_segment, is_intact, is_spoofed
from hybridmesh.rtl.frame.cursor import FrameContext
from hybridmesh.rtl.frame.payload import FrameEvents
from hybridmesh.rtl.frame.walker import FrameWalker
from hybridmesh.rtl.layout import payload_beat
from tb.lib.begin import is_long, rng_of, start
from tb.lib.design import under_test
from tb.lib.packed import pack, unpack
from tb.lib.packet import beats
from tb.lib.pauses import PAUSES
from tb.lib.stream import AmaranthPort, Source
from tb.lib.traffic import PORT, any_frame, segment

GEOMETRY = under_test().geometry
WIDTH = GEOMETRY.width
LAYOUT = payload_beat(GEOMETRY)
WALKER = FrameWalker(GEOMETRY)
PORTS = (8080, PORT, 443, PORT, 0, 0, 0, PORT)
LISTENER = 1


class Monitor:
    """The beats of ``o`` with the clock of each, the clocks of the beats of ``i``, and by clock
    what is said beside them.
    """

    def __init__(self, dut: Any) -> None:
        self._dut = dut
        self.given: list[int] = []
        self.taken: list[int] = []
        self.seen: list[dict[str, Any]] = []
        self.events: list[set[str]] = []
        self.intact: list[int] = []
        self.bad: set[int] = set()
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
            events = unpack(FrameEvents, int(dut.events.value))
            self.events.append({name for name, happened in events.items() if happened})
            self.intact.append(int(dut.intact.value))
            if dut.bad_checksum.value:
                self.bad.add(clock)
            clock += 1
            dut.now.value = clock & 0xFFFF


def shown(frame: bytes) -> Iterator[bytes]:
    """The beats of *frame* that the walker shows: none beyond max_frame."""
    cut = frame[: GEOMETRY.max_frame]
    return (cut[at : at + WIDTH] for at in range(0, len(cut), WIDTH))


def fate(frame: bytes, error: bool) -> str | None:
    """The counter that *frame* goes to, if any."""
    oversize = len(frame) > GEOMETRY.max_frame
    if error and not oversize:
        return "errors"
    if len(frame) < SHORTEST:
        return "runts"
    if is_spoofed(frame):
        return "spoofed"
    return "oversize" if oversize else None


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES))
async def payload_and_info_are_those_of_the_software_walker(dut: Any, idle: str) -> None:
    rng = rng_of(idle)
    dut.now.value = 0
    dut.context.value = pack(FrameContext, bank=1, enable=1, epoch=7)
    dut.ports.value = sum(port << 16 * n for n, port in enumerate(PORTS))
    source = Source(dut.clk, AmaranthPort(dut, "i"), PAUSES[idle](rng))
    await start(dut)
    monitor = Monitor(dut)
    sent = [
        (any_frame(rng, rng.randbytes(rng.randint(1, 250))), rng.random() < 0.05)
        for _ in range(100 + 900 * is_long())
    ]
    sent.append((segment(rng, b"\xff" * 9000), False))
    for frame, error in sent:
        source.send(beats(frame, WIDTH, error=error))
    await source.drained()
    await ClockCycles(dut.clk, 20)

    entered = iter(monitor.given)
    left = iter(zip(monitor.taken, monitor.seen, strict=True))
    bad, events = set(), [set[str]() for _ in monitor.events]
    for frame, error in sent:
        found = find_segment(frame) if len(frame) <= GEOMETRY.max_frame else None
        event = fate(frame, error)
        ours = found is not None and found.port == PORT and event is None
        payload = bytearray()
        clocks = [next(entered) for _ in beats(frame, WIDTH)]
        for number, lanes in enumerate(shown(frame)):
            clock, beat = next(left)
            assert clock - clocks[number] == WALKER.latency
            assert beat["first"] == (number == 0)
            assert beat["bank"] == 1
            data = beat["data"].to_bytes(WIDTH, "little")
            assert data[: len(lanes)] == lanes
            for lane in range(WIDTH):
                if beat["mask"] >> lane & 1:
                    assert beat["offset"] + lane & 0xFFFF == len(payload)
                    payload.append(data[lane])
        assert beat["last"]
        if event:
            events[clock].add(event)
        info = beat["info"]
        assert info["candidate"] == (ours and not found.opens), frame.hex()
        assert info["opens"] == (ours and found.opens), frame.hex()
        assert info["drop"] == (event not in (None, "oversize"))
        if ours:
            assert payload == frame[found.start : found.end]
            assert (info["seq"], info["listener"]) == (found.seq, LISTENER)
            assert info["flow"] == flow_hash(found.addresses(frame), found.source, LISTENER)
            assert (info["enable"], info["epoch"]) == (1, 7)
            assert info["arrival"] == clocks[0] & 0xFFFF
            checked = clock + WALKER.check_latency
            assert monitor.intact[checked] == is_intact(frame, found), frame.hex()
            if not is_intact(frame, found):
                bad.add(checked)
    assert next(left, None) is None
    assert monitor.events == events
    assert monitor.bad == bad
    assert bad
    assert set.union(*events) >= {"errors", "runts", "spoofed"}

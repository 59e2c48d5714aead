"""NicCore around a stand-in for the verdict engine: the whole path of frames, banks, counters.

The stand-in gives every candidate a shim of what it was told of the frame, so that these tests see
the frame's side of the NIC alone.
"""

import random

import pytest
from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from streambench import Received, collect, drive, frames_of, packet_beats, simulate
from wireframes import CANDIDATES, OTHERS, PORT, RUNTS, SPOOFED, judge, mutants

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import COUNTERS, register
from hybridmesh.contract.verdict import SHIM, Flag, Verdict
from hybridmesh.rtl import nic as nic_module
from hybridmesh.rtl.flow.guard import Message, Place
from hybridmesh.rtl.layout import TableRead, TableWrite, frame_verdict, payload_beat, wire_vector
from hybridmesh.rtl.nic import NicCore

LATENCY = 21
MAX_FRAME = 256


class StandIn(wiring.Component):
    """A shim for each candidate, ``row`` the bank, ``body_length`` the sum of its payload bytes."""

    latency = LATENCY
    lead = 7

    def __init__(self, geometry: Geometry, intact_at: int, placed_after: int) -> None:
        self._width = geometry.width
        self._intact_at = intact_at
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
        i, info = self.i.p, self.i.p.info
        before, total = Signal(32), Signal(32)
        lanes = [Mux(i.mask[n], i.data.word_select(n, 8), 0) for n in range(self._width)]
        m.d.comb += total.eq(Mux(i.first, 0, before) + sum(lanes))
        with m.If(self.i.valid):
            m.d.sync += before.eq(total)

        known = Verdict()._asdict() | {
            "flags": Mux(info.enable, Flag.DECIDED, Flag.UNDECIDED),
            "epoch": info.epoch,
            "row": i.bank,
            "seq": info.seq,
            "body_length": total,
            "latency": self.now - info.arrival,
        }
        verdict = Signal(frame_verdict())
        m.d.comb += [verdict.insert.eq(info.candidate), verdict.drop.eq(info.drop)]
        with m.If(info.candidate):
            m.d.comb += verdict.shim.eq(wire_vector(SHIM, known))
        pipe = Signal((1 + len(verdict.as_value())) * LATENCY)
        stage = Cat(verdict, self.i.valid & i.last)
        m.d.sync += pipe.eq(Cat(stage, pipe))
        intact = Signal(LATENCY - self._intact_at)
        m.d.sync += intact.eq(Cat(self.intact, intact))
        m.d.comb += Cat(self.o.payload, self.o.valid).eq(pipe[-len(stage) :])
        with m.If(~intact[-1]):
            m.d.comb += self.o.p.insert.eq(0)
        return m


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nic_module, "VerdictEngine", StandIn)


def core(width: int) -> NicCore:
    return NicCore(Geometry(width=width, max_frame=MAX_FRAME))


async def write(ctx, nic: NicCore, name: str, word: int) -> None:
    ctx.set(nic.bus.w_address, register(name).address)
    ctx.set(nic.bus.w_data, word)
    ctx.set(nic.bus.w_en, 1)
    await ctx.tick()
    ctx.set(nic.bus.w_en, 0)


async def read(ctx, nic: NicCore, name: str) -> int:
    ctx.set(nic.bus.r_address, register(name).address)
    ctx.set(nic.bus.r_en, 1)
    await ctx.tick()
    ctx.set(nic.bus.r_en, 0)
    await ctx.tick()
    return ctx.get(nic.bus.r_data)


def run(width: int, frames, *, idle: float = 0, stall: float = 0, script=None):
    """Frames to the host, the clocks of their beats, and the counters at the end."""
    nic = core(width)
    received, counters = Received(), {}
    beats = [beat for frame in frames for beat in packet_beats(frame, width)]
    expected = sum(not judge(frame, max_frame=MAX_FRAME).drop for frame in frames)

    async def host(ctx) -> None:
        await write(ctx, nic, "listen_port_0", PORT)
        await write(ctx, nic, "control", 1)
        await write(ctx, nic, "table_commit", 7)
        await drive(nic.wire_rx, beats, idle=idle, seed=1)(ctx)
        while received.frames < expected:
            await ctx.tick()
        await ctx.tick().repeat(3)
        for counter in COUNTERS:
            counters[counter.name] = await read(ctx, nic, counter.name)

    simulate(
        nic,
        host,
        collect(nic.host_rx, received, lambda: bool(counters), stall=stall, seed=2),
        *([script(nic)] if script else []),
    )
    return frames_of(received, width), received.clocks, counters


def check(frames, got) -> list[Verdict]:
    """Compare what came to the host with what went in; gives the verdicts."""
    kept = [frame for frame in frames if not judge(frame, max_frame=MAX_FRAME).drop]
    verdicts = []
    for frame, out in zip(kept, got, strict=True):
        want = judge(frame, max_frame=MAX_FRAME)
        if not (want.candidate and want.intact):
            assert out == frame
            continue
        verdict = SHIM.unpack(out, 12)
        assert out == frame[:12] + SHIM.pack(verdict) + frame[12:]
        assert (verdict.seq, verdict.body_length) == (want.seq, sum(want.masked))
        verdicts.append(verdict)
    return verdicts


@pytest.mark.parametrize(("width", "count"), [(1, 12), (8, 80), (64, 150)])
@pytest.mark.parametrize(("idle", "stall"), [(0, 0), (0.2, 0.4)])
def test_every_frame_comes_to_the_host_as_it_should(
    width: int, count: int, idle: float, stall: float
) -> None:
    long_ = [CANDIDATES["ipv4"] + bytes(700), SPOOFED["shim's type"] + bytes(400)]
    frames = [
        *mutants(count, seed=width + 1),
        *long_,
        *mutants(count // 4, seed=7),
        *RUNTS.values(),
    ]
    random.Random(3).shuffle(frames)
    frames[:0] = [OTHERS["udp"]] * 3  # while these come, the table is taken into use
    frames.append(CANDIDATES["ipv4"])
    got, _, counters = run(width, frames, idle=idle, stall=stall)
    verdicts = check(frames, got)

    judged = [judge(frame, max_frame=MAX_FRAME) for frame in frames]
    assert counters["frames_in"] == len(frames)
    assert counters["frames_out"] == len(got)
    for name in ("spoofed", "runts", "errors", "oversize"):
        assert counters[name] == sum(j.event == name for j in judged), name
    assert counters["bad_checksum"] == sum(
        (j.candidate or j.opens) and not j.intact for j in judged
    )
    assert counters["decided"] == len(verdicts)
    assert counters["passed"] == len(got) - len(verdicts)
    assert counters["undecided"] == counters["provisional"] == counters["malformed"] == 0


def test_frames_of_every_size_never_make_the_wire_wait_while_the_host_takes_them() -> None:
    # Frames that pass: the host takes as many beats as the wire gives.
    stalls = 0

    def watch(nic):
        async def testbench(ctx) -> None:
            nonlocal stalls
            for _ in range(400):
                _, _, valid, ready = await ctx.tick().sample(nic.wire_rx.valid, nic.wire_rx.ready)
                stalls += valid and not ready

        return testbench

    frames = [bytes(n) for n in [1] * 150 + [60, 61, 8, 200, 256, 5, 257, 300]]
    got, _, _ = run(8, frames, script=watch)
    assert got == [frame for frame in frames if len(frame) >= 60]
    assert stalls == 0


def test_the_path_to_the_host_adds_no_bubble_behind_its_latency() -> None:
    frames = [CANDIDATES["ipv4"]] * 4
    _, clocks, _ = run(8, frames)
    beats = -(-len(frames[0]) // 8)
    # 15 beats of frame and 5 of shim, one per clock, each frame at once behind the one before.
    assert beats == 15
    assert [b - a for a, b in zip(clocks[::20], clocks[20::20], strict=False)] == [20, 20, 20]


def test_the_first_beat_waits_for_the_frame_and_the_verdict_and_no_longer() -> None:
    frame = CANDIDATES["ipv4"]
    (got,), clocks, _ = run(8, [frame])
    assert SHIM.unpack(got, 12).latency == 14 + 5 + 5  # as the engine sees the last beat
    # Three register writes; 15 beats; walker, joiner, engine, FIFO, registers, inserter, slice.
    assert clocks[0] == 3 + 14 + 5 + 5 + LATENCY + 3 + 1 + 1


def test_with_the_host_away_the_wire_waits_and_nothing_is_lost() -> None:
    nic = core(8)
    frames = mutants(120, seed=11)
    frames = [f for f in frames if not judge(f, max_frame=MAX_FRAME).drop]
    beats = [beat for frame in frames for beat in packet_beats(frame, 8)]
    received = Received()

    async def host(ctx) -> None:
        await write(ctx, nic, "listen_port_0", PORT)
        await drive(nic.wire_rx, beats)(ctx)

    async def late(ctx) -> None:
        await ctx.tick().repeat(700)
        assert not ctx.get(nic.wire_rx.ready)
        await collect(nic.host_rx, received, lambda: received.frames == len(frames))(ctx)

    simulate(nic, host, late)
    check(frames, frames_of(received, 8))


def test_a_flood_of_the_smallest_frames_does_not_overrun_the_verdicts() -> None:
    # Its packet FIFO holds far more frames of one beat than there is room for verdicts.
    nic = NicCore(Geometry(width=64, max_frame=16384))
    frames = [n.to_bytes(2, "big") * 30 for n in range(400)]
    beats = [beat for frame in frames for beat in packet_beats(frame, 64)]
    received = Received()

    async def late(ctx) -> None:
        await ctx.tick().repeat(300)
        await collect(nic.host_rx, received, lambda: received.frames == len(frames))(ctx)

    simulate(nic, drive(nic.wire_rx, beats), late)
    assert frames_of(received, 64) == frames


def marked(frame: bytes, width: int) -> list[dict[str, int]]:
    """The beats of *frame*, the last with the MAC's mark."""
    *beats, last = packet_beats(frame, width)
    return [*beats, last | {"error": 1}]


def test_a_frame_that_the_mac_marks_bad_is_dropped_or_comes_marked_where_that_is_too_late() -> None:
    nic = core(8)
    good, long_ = CANDIDATES["ipv4"], CANDIDATES["ipv4"] + bytes(700)
    received, counted = Received(), []

    async def wire(ctx) -> None:
        await drive(nic.wire_rx, [*marked(good, 8), *marked(long_, 8), *packet_beats(good, 8)])(ctx)
        while received.frames < 2:
            await ctx.tick()
        await ctx.tick().repeat(3)
        counted.extend([await read(ctx, nic, n) for n in ("frames_in", "errors", "oversize")])

    simulate(nic, wire, collect(nic.host_rx, received, lambda: len(counted) == 3))
    assert frames_of(received, 8) == [long_, good]
    assert [beat.error for beat in received if beat.last] == [1, 0]
    assert counted == [3, 1, 1]


@pytest.mark.parametrize("width", [1, 8])
def test_every_frame_is_matched_in_one_bank_under_its_epoch(width: int) -> None:
    frames = [CANDIDATES["ipv4"]] * (4 if width == 1 else 16)
    flips = (60, 62, 200) if width == 8 else (150, 300)

    def swap(nic):
        async def testbench(ctx) -> None:
            clock = 10
            await ctx.tick().repeat(clock)
            for epoch, flip in enumerate(flips, 8):
                await ctx.tick().repeat(flip - clock)
                await write(ctx, nic, "table_commit", epoch)
                clock = flip + 1

        return testbench

    got, _, _ = run(width, frames, script=swap)
    verdicts = check(frames, got)
    assert all(v.row == v.epoch % 2 for v in verdicts)  # epoch 7 is in bank 1
    epochs = [v.epoch for v in verdicts]
    assert epochs == sorted(epochs)
    assert len(set(epochs)) > 2 or width == 1


def test_a_commit_is_pending_until_the_frame_under_way_has_its_verdict() -> None:
    nic = core(8)
    beats = packet_beats(CANDIDATES["ipv4"], 8)
    pending = []

    async def testbench(ctx) -> None:
        async def sample() -> None:
            pending.append(register("status").field("pending").get(await read(ctx, nic, "status")))

        await drive(nic.wire_rx, beats[:5])(ctx)
        await write(ctx, nic, "table_commit", 7)
        await ctx.tick().repeat(100)
        await sample()
        await drive(nic.wire_rx, beats[5:])(ctx)
        await sample()
        await ctx.tick().repeat(5 + 4 + LATENCY)
        await sample()
        await write(ctx, nic, "table_commit", 8)
        await ctx.tick().repeat(2)  # in which who is left is counted
        await sample()

    simulate(nic, testbench)
    assert pending == [1, 1, 0, 0]


def test_the_other_direction_passes_as_it_is() -> None:
    nic = core(8)
    frames = [*CANDIDATES.values(), *OTHERS.values(), *SPOOFED.values()]
    beats = [beat for frame in frames for beat in packet_beats(frame, 8)]
    beats += marked(CANDIDATES["ipv6"], 8)
    frames.append(CANDIDATES["ipv6"])
    received = Received()
    simulate(
        nic,
        drive(nic.host_tx, beats, idle=0.2),
        collect(nic.wire_tx, received, lambda: received.frames == len(frames), stall=0.3),
    )
    assert frames_of(received, 8) == frames
    assert [beat.error for beat in received if beat.last] == [0] * (len(frames) - 1) + [1]

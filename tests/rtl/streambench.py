"""Drivers and monitors of streams for unit tests in Amaranth's simulator.

A driver leaves gaps, a monitor stalls, both by a seeded generator; a monitor also holds the stream
to its contract: what was offered and not taken stays as it is.
"""

import random
from collections.abc import Iterable, Sequence

from amaranth.lib import data
from amaranth.sim import Simulator

__all__ = ["Received", "collect", "drive", "frames_of", "packet_beats", "simulate"]


def packet_beats(frame: bytes, width: int) -> list[dict[str, int]]:
    """The beats of one frame; lanes that hold none of its bytes hold those that mislead most."""
    chunks = [frame[k : k + width] for k in range(0, len(frame), width)]
    return [
        {
            "data": int.from_bytes(chunk.ljust(width, b"\xb5"), "little"),
            "keep": (1 << len(chunk)) - 1,
            "last": n == len(chunks) - 1,
        }
        for n, chunk in enumerate(chunks)
    ]


def frames_of(beats: Iterable[data.Const], width: int) -> list[bytes]:
    """The frames that *beats* are; every beat but a frame's last must be full."""
    frames, frame = [], b""
    for beat in beats:
        count = beat.keep.bit_count()
        assert beat.keep == (1 << count) - 1
        assert count == width or beat.last
        assert count
        frame += beat.data.to_bytes(width, "little")[:count]
        if beat.last:
            frames.append(frame)
            frame = b""
    assert not frame
    return frames


def drive(stream, payloads: Sequence[dict[str, int]], *, idle: float = 0, seed: int = 0):
    """A testbench that offers *payloads*, idle before each with probability *idle*."""

    async def testbench(ctx) -> None:
        rng = random.Random(seed)
        for payload in payloads:
            while rng.random() < idle:
                await ctx.tick()
            ctx.set(stream.payload, payload)
            ctx.set(stream.valid, 1)
            await ctx.tick().until(stream.ready)
            ctx.set(stream.valid, 0)

    return testbench


class Received(list):
    """What a monitor took; ``clocks`` has the clock of each transfer, ``frames`` counts ends."""

    def __init__(self) -> None:
        super().__init__()
        self.clocks: list[int] = []
        self.frames = 0

    def take(self, payload: data.Const | int, clock: int) -> None:
        self.append(payload)
        self.clocks.append(clock)
        if isinstance(payload, data.Const) and "last" in dict(payload.shape()):
            self.frames += payload.last


def collect(stream, received: Received, done, *, stall: float = 0, seed: int = 0):
    """A testbench that takes payloads until ``done()``, stalling with probability *stall*."""

    async def testbench(ctx) -> None:
        rng = random.Random(seed)
        offered = None
        clock = 0
        while not done():
            ready = rng.random() >= stall
            if not stream.signature.always_ready:
                ctx.set(stream.ready, ready)
            else:
                ready = True
            _, _, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
            assert offered is None or (valid and payload == offered), "changed while stalled"
            offered = payload if valid and not ready else None
            if valid and ready:
                received.take(payload, clock)
            clock += 1

    return testbench


def simulate(design, *testbenches, limit: int = 50_000) -> None:
    """Run until all *testbenches* have returned; fails where that takes over *limit* clocks."""
    simulator = Simulator(design)
    simulator.add_clock(1e-6)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    for _ in range(2 * limit):
        if not simulator.advance():
            return
    raise AssertionError(f"not done after {limit} clocks")

"""Frames pass the MAC in both directions at once as the golden model says: none is lost at full
rate with clocks that are off, none is torn without a mark, whatever comes over the pins."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles

from hybridmesh.reference.ethernet import Received, Symbol, carrier, fcs, received
from hybridmesh.rtl.ethernet.gmii import Speed
from tb.ethernet_mac import BACKLOG, LONGEST
from tb.ethernet_mac.clocks import Counts, clocks, wait
from tb.ethernet_mac.pins import PhyReceive, PhyTransmit
from tb.lib.begin import is_long, rng_of
from tb.lib.design import under_test
from tb.lib.packet import beats
from tb.lib.pauses import PAUSES
from tb.lib.stream import AmaranthPort, Sink, Source

NAME = under_test().name
MAX = LONGEST[NAME]
GAP = 12
OFFSETS = [(0, 0, 0), (100, -100, -100), (-100, 100, 100), (100, 0, -100)]
"""Of the clocks of receiver, core and transmitter."""
AT_SPEED = dict(zip(Speed, OFFSETS[1:], strict=True))
SPEEDS = list(Speed) if NAME == "small" else [Speed.M1000]
FRAMES = {
    speed: (20 if is_long() else 1) * count
    for speed, count in ((Speed.M10, 3), (Speed.M100, 16), (Speed.M1000, 64))
}
"""By speed, of a test."""


class Bench:
    """The MAC and all around it."""

    def __init__(self, dut: Any, speed: Speed, stall: Iterator[bool], idle: Iterator[bool]) -> None:
        self.dut = dut
        self.nibbles = speed is not Speed.M1000
        dut.speed.value = speed.value
        self.phy_rx = PhyReceive(dut, status=0b1001 | speed.value << 1)
        self.phy_tx = PhyTransmit(dut, speed)
        self.counts = Counts(dut)
        self.source = Source(dut.clk, AmaranthPort(dut, "tx"), idle)
        self.sink = Sink(dut.clk, AmaranthPort(dut, "rx"), stall)

    async def settle(self) -> None:
        """Wait until all that was given has passed."""
        rx = self.phy_rx
        await wait(self.dut, lambda: not rx.left, lambda: rx.left)
        taken = -1
        while taken != len(self.sink.taken):
            taken = len(self.sink.taken)
            await ClockCycles(self.dut.clk, 2000)
        await self.until_sent(self.counts["tx_frames"])

    async def until_sent(self, count: int) -> None:
        tx = self.phy_tx
        await wait(self.dut, lambda: len(tx.carriers) >= count, lambda: len(tx.carriers))

    def arrived(self) -> list[tuple[bytes, bool]]:
        """Frames that the core got, and whether they are marked bad."""
        frames, frame = [], bytearray()
        for beat in self.sink.taken:
            assert beat >> 8 & 1, "a beat holds no byte"
            frame.append(beat & 0xFF)
            if beat >> 9 & 1:
                frames.append((bytes(frame), bool(beat >> 10)))
                frame.clear()
            else:
                assert not beat >> 10, "an error before the end"
        assert not frame, "the last frame does not end"
        return frames


def no_pause() -> Iterator[bool]:
    return repeat(False)


def symbols(octets: bytes, *, nibbles: bool, bad: Iterable[int] = ()) -> list[Symbol]:
    """A carrier, with RX_ER in those octets that *bad* gives."""
    bad = set(bad)
    if not nibbles:
        return [Symbol(octet, True, n in bad) for n, octet in enumerate(octets)]
    return [
        Symbol(half * 0x11, True, n in bad)
        for n, octet in enumerate(octets)
        for half in (octet % 16, octet >> 4)
    ]


def pause(octets: int, *, nibbles: bool) -> list[Symbol]:
    return [Symbol(0, False)] * (octets * (2 if nibbles else 1))


def size(rng: random.Random, smallest: float = 0.5) -> int:
    if rng.random() < smallest:
        return 60
    if rng.random() < 0.02:
        return MAX
    return rng.randint(60, min(MAX, rng.choice((90, 300, 300, 1514))))


@cocotb.test()
@cocotb.parametrize(offsets=OFFSETS)
async def nothing_is_lost_at_full_rate(dut: Any, offsets: tuple[int, int, int]) -> None:
    count = 25_000 if is_long() else 80
    rng = rng_of(offsets)
    bench = Bench(dut, Speed.M1000, no_pause(), no_pause())
    await clocks(dut, offsets, Speed.M1000)
    smallest = 0.85 if is_long() else 0.5
    come, go = ([rng.randbytes(size(rng, smallest)) for _ in range(count)] for _ in range(2))
    for at in range(0, count, 100):  # not all at once: symbols take much memory
        for frame in come[at : at + 100]:
            bench.phy_rx.give(symbols(carrier(frame), nibbles=False) + pause(GAP, nibbles=False))
        for frame in go[at : at + 100]:
            bench.source.send(beats(frame, 1))
        await wait(dut, lambda: bench.phy_rx.left < 2000, lambda: bench.phy_rx.left)
    await wait(dut, lambda: bench.source.taken == sum(map(len, go)), lambda: bench.source.taken)
    await bench.settle()

    assert bench.arrived() == [(frame, False) for frame in come]
    assert [bytes(sent.octets) for sent in bench.phy_tx.carriers] == [carrier(f) for f in go]
    assert all(sent.gap >= GAP for sent in bench.phy_tx.carriers[1:])
    assert bench.counts == bench.counts.none() | {"rx_frames": count, "tx_frames": count}


@cocotb.test()
@cocotb.parametrize(speed=SPEEDS, bytes_=[60, 61])
async def frames_of_one_size_follow_at_the_shortest_gap(
    dut: Any, speed: Speed, bytes_: int
) -> None:
    count = FRAMES[speed] // 4 + 2
    bench = Bench(dut, speed, no_pause(), no_pause())
    await clocks(dut, (0, 0, 0), speed)
    rng = rng_of(speed, bytes_)
    frames = [rng.randbytes(bytes_) for _ in range(count)]
    for frame in frames:
        bench.source.send(beats(frame, 1))
    await bench.until_sent(count)
    assert [bytes(sent.octets) for sent in bench.phy_tx.carriers] == [carrier(f) for f in frames]
    assert {sent.gap for sent in bench.phy_tx.carriers[1:]} == {GAP}


@cocotb.test()
@cocotb.parametrize(speed=SPEEDS, idle=list(PAUSES))
async def whole_frames_that_are_good_are_sent(dut: Any, speed: Speed, idle: str) -> None:
    rng = rng_of(speed, idle)
    bench = Bench(dut, speed, no_pause(), PAUSES[idle](rng))
    await clocks(dut, AT_SPEED[speed], speed)
    good, dropped, oversize, total = [], 0, 0, 0
    for _ in range(FRAMES[speed]):
        frame, error = rng.randbytes(rng.choice((1, 59, 60, 61, size(rng)))), rng.random() < 0.2
        if rng.random() < (0.1 if MAX < 1500 else 0.04):
            frame = rng.randbytes(MAX + rng.choice((0, 1, 2, 50)))
        if len(frame) > MAX:
            oversize += 1
        elif error:
            dropped += 1
        else:
            good.append(frame)
        total += len(frame)
        bench.source.send(beats(frame, 1, error=error))
    await wait(
        dut,
        lambda: bench.source.taken == total,
        lambda: (bench.source.taken, len(bench.phy_tx.carriers)),
    )
    await bench.settle()
    assert [bytes(sent.octets) for sent in bench.phy_tx.carriers] == [carrier(f) for f in good]
    assert all(sent.gap >= GAP for sent in bench.phy_tx.carriers[1:])
    assert bench.counts == bench.counts.none() | {
        "tx_frames": len(good),
        "tx_dropped": dropped,
        "tx_oversize": oversize,
    }


def any_carrier(rng: random.Random, number: int, *, nibbles: bool) -> list[Symbol]:
    """Every other one has a frame as it should be; the others, in turn, all that a PHY may give."""
    frame = rng.randbytes(size(rng) if rng.random() < 0.8 else rng.randint(1, 59))
    octets, bad = carrier(frame), []
    preamble, content = octets[:8], octets[8:]
    if rng.random() < 0.3:  # runts keep their length
        content = frame + fcs(frame)
    if rng.random() < 0.3:  # shorter, longer, none at all
        preamble = rng.choice((preamble[rng.randrange(8) :], preamble[:7] * 3 + preamble[7:]))
    turn, spoilt = divmod(number, 2)
    if spoilt:
        preamble, content, bad = _spoilt(rng, turn, preamble, content)
    run = symbols(preamble + content, nibbles=nibbles, bad=bad)
    if nibbles and rng.random() < 0.2:  # an odd number of nibbles, in front and behind
        run = run[rng.choice((0, 1)) :] + [Symbol(0x77, True, rng.random() < 0.5)]
    if rng.random() < 0.1:  # false carrier and carrier extension are no frames
        run += [Symbol(rng.choice((0x0E, 0x0F, 0x1F, 0xD5)), False, True)] * rng.randint(1, 20)
    gap = rng.choice((1, 2, rng.randint(1, 20), GAP))
    return [*run, *pause(gap, nibbles=nibbles)]


def _spoilt(
    rng: random.Random, turn: int, preamble: bytes, content: bytes
) -> tuple[bytes, bytes, Sequence[int]]:
    """The two with something wrong, and where the PHY says so."""
    at, flip = rng.randrange(len(content)), 1 << rng.randrange(8)
    overlong = rng.randbytes(MAX + rng.choice((0, 1, 1, 4, 5, 40)))
    flipped = content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :]
    whole = len(preamble) + len(content)
    kinds = (
        (preamble, flipped, ()),
        (preamble, content[:-1] + bytes([content[-1] ^ flip]), ()),
        (preamble, content, (rng.randrange(whole),)),
        (preamble, content, (rng.randrange(len(preamble) + 1),)),
        (preamble, content, (whole - 1,)),
        (preamble, flipped, (rng.randrange(whole),)),
        (preamble, content[:at], ()),  # cut
        (preamble, content[: rng.randrange(6)], ()),
        (preamble, fcs(b""), ()),
        (preamble, overlong + fcs(overlong), ()),
        (b"\x55" * rng.randrange(1, 10), content, ()),  # no SFD, but maybe in the frame
        (b"\x55" * rng.randrange(1, 10), b"", ()),
    )
    return kinds[turn % len(kinds)]


@cocotb.test()
@cocotb.parametrize(speed=SPEEDS)
async def what_is_received_is_what_the_model_says(dut: Any, speed: Speed) -> None:
    rng = rng_of(speed)
    bench = Bench(dut, speed, no_pause(), no_pause())
    await clocks(dut, AT_SPEED[speed], speed)
    expected: list[Received] = []
    for number in range(FRAMES[speed]):
        run = any_carrier(rng, number, nibbles=bench.nibbles)
        bench.phy_rx.give(run)
        expected += received(run, MAX, nibbles=bench.nibbles)
    await bench.settle()

    arrived = bench.arrived()
    for n, ((data, error), frame) in enumerate(zip(arrived, expected, strict=False)):
        assert error == (frame.outcome != "frames"), f"frame {n}: {frame}"
        assert data == frame.data or (not frame.data and len(data) == 1), f"frame {n}: {frame}"
    assert len(arrived) == len(expected)
    counted = Counter(f"rx_{frame.outcome}" for frame in expected)
    assert len(counted) == 4 or speed is not Speed.M1000, "some outcome is not in this traffic"
    assert bench.counts == bench.counts.none() | counted
    assert int(dut.status.value) == 0b1001 | speed.value << 1


def _waits(rng: random.Random) -> Iterator[bool]:
    """A core that takes little for long times."""
    while True:
        yield from repeat(False, rng.randrange(1, 3000))
        yield from repeat(True, rng.randrange(1, 5 * BACKLOG[NAME]))


@cocotb.test()
async def a_core_that_waits_loses_whole_frames_and_sees_it(dut: Any) -> None:
    count = 5000 if is_long() else 100
    rng = rng_of()
    bench = Bench(dut, Speed.M1000, _waits(rng), no_pause())
    await clocks(dut, (0, 0, 0), Speed.M1000)
    sent = [rng.randbytes(size(rng)) for _ in range(count)]
    for frame in sent:
        bench.phy_rx.give(symbols(carrier(frame), nibbles=False) + pause(GAP, nibbles=False))
    await bench.settle()

    left = iter(sent)
    whole = torn = 0
    for data, error in bench.arrived():  # in order, nothing in between
        assert any(frame.startswith(data) and (error or frame == data) for frame in left)
        whole += not error
        torn += error
    lost = count - whole
    assert 0 < torn < lost < count
    assert bench.counts == bench.counts.none() | {"rx_frames": count, "rx_overrun": lost}


@cocotb.test()
async def a_clock_that_stops_ends_its_frame(dut: Any) -> None:
    rng = rng_of()
    bench = Bench(dut, Speed.M1000, no_pause(), no_pause())
    clock = await clocks(dut, (0, 0, 0), Speed.M1000)
    frames = [rng.randbytes(100) for _ in range(6)]
    for frame in frames:
        bench.phy_rx.give(symbols(carrier(frame), nibbles=False) + pause(40, nibbles=False))
    for stop in (250, 280):  # within the third frame, and once more in what is left of it
        await wait(dut, lambda stop=stop: given(bench) > 148 * 2 + stop - 200, lambda: given(bench))
        clock.stop()
        await ClockCycles(dut.clk, 5000)
        clock.start()
    await wait(dut, lambda: given(bench) > 148 * 4 - 20, lambda: given(bench))
    clock.stop()  # between two frames
    await ClockCycles(dut.clk, 5000)
    clock.start()
    await bench.settle()
    (third, torn), *_ = bench.arrived()[2:]
    assert torn
    assert 0 < len(third) < 100
    assert frames[2].startswith(third[:-1])
    assert bench.arrived()[:2] + bench.arrived()[3:] == [
        (frame, False) for frame in frames[:2] + frames[3:]
    ]
    assert bench.counts == bench.counts.none() | {"rx_frames": 6, "rx_stopped": 1}


def given(bench: Bench) -> int:
    """Symbols that the MAC has been given."""
    return 6 * 148 - bench.phy_rx.left

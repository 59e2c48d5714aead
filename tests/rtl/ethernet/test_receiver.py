"""Frames out of carriers, each with one end, as the golden model reads them."""

import random

import pytest
from amaranth.hdl import Value
from streambench import simulate

from hybridmesh.reference.ethernet import Symbol, carrier, fcs, received
from hybridmesh.rtl.ethernet.receiver import ReceiveEvents, Receiver

LONGEST = 70
FRAME = bytes(range(60))


def run(carriers: list[list[Symbol]], every: int = 1, *, first: bool = False) -> list:
    """Frames as (data, outcome); an octet comes each *every* clocks."""
    dut = Receiver(LONGEST)
    frames, data = [], bytearray()

    async def testbench(ctx) -> None:
        gap = [] if first else [Symbol(0, False)]
        symbols = [*gap, *(s for run in carriers for s in [*run, Symbol(0, False)])]
        for symbol in [clock for s in symbols for clock in [s, *[None] * (every - 1)]]:
            ctx.set(dut.i.valid, symbol is not None)
            if symbol is not None:
                ctx.set(dut.i.p, symbol._asdict())
            await ctx.tick()
            happened = [name for name in ReceiveEvents.members if ctx.get(dut.events[name])]
            if not ctx.get(dut.o.valid):
                assert not happened
                continue
            octet = ctx.get(dut.o.p)
            assert octet.first == (not data)
            data.append(octet.data)
            assert bool(happened) == octet.last
            if octet.last:
                (outcome,) = happened
                assert octet.error == (outcome != "frames")
                frames.append((bytes(data), outcome))
                data.clear()
            else:
                assert not octet.error

    simulate(dut, testbench)
    assert not data
    return frames


def octets(data: bytes, *bad: int) -> list[Symbol]:
    return [Symbol(octet, True, n in bad) for n, octet in enumerate(data)]


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize(
    "carried",
    [
        octets(carrier(FRAME)),
        octets(b"\xd5" + FRAME + fcs(FRAME)),
        octets(b"\x00\x55\xd5" + FRAME + fcs(FRAME)),
        octets(b"\x55" * 60),
        octets(b"\xd5"),
        octets(b"\xd5" + bytes(3)),
        octets(b"\xd5" + fcs(b"")),
        octets(b"\xd5a" + fcs(b"a")),
        octets(b"\xd5a" + fcs(b"b")),
        octets(carrier(FRAME)[:-1]),
        octets(carrier(FRAME), 0),
        octets(carrier(FRAME), 7),
        octets(carrier(FRAME), 71),
        octets(carrier(FRAME)[:-1] + b"\0", 71),
        octets(carrier(bytes(69))),
        octets(carrier(bytes(70))),
        octets(carrier(bytes(71))),
        octets(carrier(bytes(200)), 3),
    ],
)
def test_a_carrier_is_read_as_the_model_reads_it(carried: list[Symbol], every: int) -> None:
    carriers = [carried, octets(carrier(FRAME)), carried, carried]
    expected = [frame for run in carriers for frame in received(run, LONGEST)]
    given = run(carriers, every)
    assert [outcome for _, outcome in given] == [frame.outcome for frame in expected]
    for (data, _), frame in zip(given, expected, strict=True):
        assert data == frame.data or (not frame.data and len(data) == 1)


def test_a_carrier_that_was_there_before_is_no_frame() -> None:
    carriers = [octets(carrier(FRAME)), octets(carrier(FRAME))]
    assert run(carriers, first=True) == [(FRAME, "frames")]


def test_any_length_of_frame_passes() -> None:
    rng = random.Random(1)
    frames = [rng.randbytes(size) for size in range(1, LONGEST + 1)]
    assert run([octets(b"\xd5" + frame + fcs(frame)) for frame in frames]) == [
        (frame, "frames") for frame in frames
    ]


def test_nothing_is_said_without_a_symbol() -> None:
    dut = Receiver(LONGEST)

    async def testbench(ctx) -> None:
        ctx.set(Value.cast(dut.i.p), -1)
        for _ in range(10):
            await ctx.tick()
            assert not ctx.get(dut.o.valid)

    simulate(dut, testbench)

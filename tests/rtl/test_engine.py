"""The verdict engine as a whole against the golden classifier, on the table of the example shop.

A few heads at two widths: ``tb/verdict_engine`` has the many, at all of them.
"""

import random
from pathlib import Path

import pytest
from amaranth.sim import Simulator

from hybridmesh.compiler import compile_table
from hybridmesh.config import load
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import SHIM, Reason
from hybridmesh.reference.classifier import classify
from hybridmesh.rtl.engine import VerdictEngine

SHOP = Path(__file__).parents[2] / "examples" / "shop"
SIZES = {"rows": 32, "path_bytes": 16, "host_bytes": 16, "header_bytes": 16, "hosts": 16}
HOST = b"Host: shop.example.com\r\n"
HEADS = (
    b"GET /api/products/12?x=1 HTTP/1.1\r\nHost: shop.example.com:8080\r\nAccept: */*\r\n\r\n",
    b"POST /api/checkout HTTP/1.1\r\nHost: a.shop.example.com\r\nContent-Length: 120\r\n\r\nbody",
    b"GET /api/reviews HTTP/1.0\r\n" + HOST + b"x-user-group: beta\r\nConnection: x\r\n\r\nGET",
    b"GET /api/reviews HTTP/1.1\r\n" + HOST + b"X-User-Group: beta\r\n" * 2 + b"\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: nowhere\r\n\r\n",
    b"GET /%2e HTTP/1.1\r\nHost: a/b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHos",
    b"X",
    b"\r\n",
)


def beats_of(payload: bytes, before: int, width: int, seq: int, bank: int) -> list[dict]:
    """What the walker gives of a frame with *before* bytes of headers."""
    frame = bytes(before) + payload
    return [
        {
            "data": int.from_bytes(frame[k : k + width].ljust(width, b"\r"), "little"),
            "mask": sum(1 << n for n in range(width) if before <= k + n < len(frame)),
            "offset": (k - before) % 2**16,
            "bank": bank,
            "first": k == 0,
            "last": k + width >= len(frame),
            "info": {"candidate": 1, "enable": 1, "epoch": 7, "seq": seq},
        }
        for k in range(0, len(frame), width)
    ]


@pytest.mark.parametrize(("width", "idle"), [(1, 0), (8, 0.3)])
def test_every_verdict_is_that_of_the_model_after_the_stated_latency(width, idle):
    rng = random.Random(width)
    geometry = Geometry(width=width, predicates=16, **SIZES)
    image = compile_table(load([SHOP]).table, geometry).image
    payloads = HEADS if width == 1 else rng.sample(HEADS, len(HEADS))
    dut = VerdictEngine(geometry)
    asked: list[int] = []
    given: list[tuple[int, bool, bytes]] = []
    clock = 0

    async def drive(ctx):
        ctx.set(dut.table.bank, 1)
        for space, words in image.words():
            ctx.set(dut.table.space, space.number)
            for number, word in enumerate(words.tolist()):
                if word:
                    ctx.set(dut.table.word, number)
                    ctx.set(dut.table.data, word)
                    ctx.set(dut.table.en, 1)
                    await ctx.tick()
        ctx.set(dut.table.en, 0)
        ctx.set(dut.intact, 1)
        ctx.set(dut.place.head, 1)
        await ctx.tick().repeat(3)
        for number, payload in enumerate(payloads):
            for beat in beats_of(payload, 54 + 4 * rng.randint(0, 3), width, number, bank=1):
                while rng.random() < idle:
                    await ctx.tick()
                ctx.set(dut.i.payload, beat)
                ctx.set(dut.i.valid, 1)
                if beat["last"]:
                    asked.append(clock)
                await ctx.tick()
                ctx.set(dut.i.valid, 0)
        await ctx.tick().repeat(dut.latency + 2)

    async def watch(ctx):
        nonlocal clock
        async for _, _, valid, verdict in ctx.tick().sample(dut.o.valid, dut.o.payload):
            if valid:
                shim = verdict.shim.to_bytes(SHIM.size, "little")
                given.append((clock, bool(verdict.insert), shim))
            clock += 1

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(watch, background=True)
    simulator.add_testbench(drive)
    simulator.run()

    assert [after - before for before, (after, _, _) in zip(asked, given, strict=True)] == [
        dut.latency
    ] * len(payloads)
    reasons = set()
    for number, (payload, (_, insert, shim)) in enumerate(zip(payloads, given, strict=True)):
        expected = classify(payload, image, epoch=7, seq=number)
        assert insert == (expected is not None), payload
        if expected:
            assert SHIM.unpack(shim)._replace(latency=0) == expected, payload
            reasons.add(Reason(expected.reason))
    assert len(reasons) > 3  # the heads do not all fail in one way


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("width", [1, 8, 64])
@pytest.mark.parametrize("rows", [64, 256, 1024])
def test_a_verdict_comes_32_clocks_after_the_last_byte_at_the_latest(width, rows):
    assert VerdictEngine(Geometry(width=width, rows=rows)).latency <= 32

"""Each frame comes out as its verdict says: marked, passed, or not at all."""

from typing import Any

import cocotb

from hybridmesh.rtl.layout import frame_verdict
from tb.lib.begin import is_long, rng_of, start
from tb.lib.design import under_test
from tb.lib.packed import pack
from tb.lib.packet import beats, frames
from tb.lib.pauses import PAUSES
from tb.lib.stream import AmaranthPort, Sink, Source

WIDTH = under_test().geometry.width
SHIM = 40


@cocotb.test()
@cocotb.parametrize(
    idle=list(PAUSES),
    late=list(PAUSES),
    backpressure=list(PAUSES),
    lengths=[(13, 80), (60, 300)],
)
async def frames_become_what_their_verdicts_say(
    dut: Any, idle: str, late: str, backpressure: str, lengths: tuple[int, int]
) -> None:
    await start(dut)
    rng = rng_of(idle, late, backpressure, lengths)
    source = Source(dut.clk, AmaranthPort(dut, "i"), PAUSES[idle](rng))
    verdicts = Source(dut.clk, AmaranthPort(dut, "verdict"), PAUSES[late](rng))
    sink = Sink(dut.clk, AmaranthPort(dut, "o"), PAUSES[backpressure](rng))
    expected = []
    for _ in range(400 if is_long() else 8 + 2 * min(WIDTH, 8)):
        frame = rng.randbytes(rng.randint(*lengths))
        kind = rng.choice(("insert", "insert", "pass", "drop"))
        shim = rng.randbytes(SHIM)
        if kind != "drop":
            expected.append(frame[:12] + (shim if kind == "insert" else b"") + frame[12:])
        source.send(beats(frame, WIDTH))
        verdicts.send(
            [
                pack(
                    frame_verdict(),
                    insert=kind == "insert",
                    drop=kind == "drop",
                    shim=int.from_bytes(shim, "little"),
                )
            ]
        )
    count = sum(len(beats(frame, WIDTH)) for frame in expected)
    await sink.until(count)
    await source.drained()
    assert frames(sink.taken, WIDTH) == expected

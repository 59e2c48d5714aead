"""A stream part gives what it gets, in order, at one beat per clock."""

from typing import Any

import cocotb

from tb.lib.begin import rng_of, start
from tb.lib.packet import beats, frames
from tb.lib.pauses import PAUSES
from tb.lib.stream import AmaranthPort, Sink, Source

WIDTH = 8


@cocotb.test()
@cocotb.parametrize(
    idle=list(PAUSES), backpressure=list(PAUSES), lengths=[(1, 8), (9, 64), (1, 300)]
)
async def frames_pass_unchanged(
    dut: Any, idle: str, backpressure: str, lengths: tuple[int, int]
) -> None:
    await start(dut)
    rng = rng_of(idle, backpressure, lengths)
    source = Source(dut.clk, AmaranthPort(dut, "i"), PAUSES[idle](rng))
    sink = Sink(dut.clk, AmaranthPort(dut, "o"), PAUSES[backpressure](rng))
    sent = [rng.randbytes(rng.randint(*lengths)) for _ in range(40)]
    payloads = [beat for frame in sent for beat in beats(frame, WIDTH)]
    source.send(payloads)
    taken = await sink.until(len(payloads))
    assert frames(taken, WIDTH) == sent
    if idle == backpressure == "none":
        assert source.stalls == 0

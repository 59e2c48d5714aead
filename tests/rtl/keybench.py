"""Clock-exact harness and stimuli for the matcher's parts in Amaranth's simulator.

A part is driven by one mapping of port to value for each clock, and answers with the values of its
probes in each clock: a result is then checked at the very clock that the part's latency promises.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Value
from amaranth.lib import wiring
from amaranth.sim import Simulator

from hybridmesh.contract.table import TableImage, Tcam

__all__ = ["Frame", "clocked", "holey", "marked_beats", "matches", "scatter", "table_writes"]

Step = Mapping[str, object]
"""What is driven in one clock: by port, a value, a payload, a table word, or None for idle."""


def clocked(dut: wiring.Component, steps: Sequence[Step], probes: Mapping[str, object]):
    """Values of *probes* in each clock, while *steps* are driven; a list by probe.

    What a stream shows while it is idle is random.
    """
    rng = random.Random(0)
    seen = {name: [] for name in probes}
    names = {name for step in steps for name in step}

    async def testbench(ctx) -> None:
        for step in steps:
            for name in names:
                value = step.get(name)
                port = getattr(dut, name)
                if hasattr(port, "valid"):
                    ctx.set(port.valid, value is not None)
                    port = port.payload
                    if value is None:
                        bits = Value.cast(port)
                        ctx.set(bits, rng.getrandbits(len(bits)))
                elif hasattr(port, "en"):
                    ctx.set(port.en, value is not None)
                    for member, word in (value or {}).items():
                        ctx.set(getattr(port, member), word)
                    continue
                if value is not None:
                    ctx.set(port, value)
            _, _, *values = await ctx.tick().sample(*probes.values())
            for name, value in zip(probes, values, strict=True):
                seen[name].append(value)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return seen


def holey(beats: Iterable[object], rng: random.Random, idle: float) -> list[object | None]:
    """*beats* with a None before each with probability *idle*, again and again."""
    result: list[object | None] = []
    for beat in beats:
        while rng.random() < idle:
            result.append(None)
        result.append(beat)
    return result


@dataclass(frozen=True)
class Frame:
    """Bytes of a frame and its fields: offset of the first byte, of the byte after the last.

    A field whose end is None never ends.
    """

    data: bytes
    fields: tuple[tuple[int, int | None], ...]
    bank: int = 0


def marked_beats(frame: Frame, width: int) -> list[dict[str, int]]:
    """The beats of *frame*, as :func:`~hybridmesh.rtl.match.field.marked_beat`."""
    beats = []
    for base in range(0, len(frame.data), width):
        inside = range(base, base + width)
        beats.append(
            {
                "data": int.from_bytes(frame.data[base : base + width], "little"),
                "start": sum(1 << (a - base) for a, _ in frame.fields if a in inside),
                "end": sum(1 << (b - base) for _, b in frame.fields if b in inside),
                "bank": frame.bank,
                "first": base == 0,
            }
        )
    return beats


def scatter(image: TableImage, seed: int, refuse: Sequence[float]) -> TableImage:
    """*image* with random contents; in each TCAM a column refuses with one of *refuse*."""
    rng = np.random.default_rng(seed)
    for tcam in (image.path, image.host, image.header, image.word):
        odds = rng.choice(refuse, size=tcam.space.columns)
        tcam.mismatch[:] = rng.random(tcam.mismatch.shape) < odds
    image.host_class[:] = rng.integers(1, 256, size=image.host_class.shape)
    image.row_flags[:] = rng.integers(0, 256, size=image.row_flags.shape)
    return image


def table_writes(image: TableImage, bank: int, *names: str) -> list[dict[str, int]]:
    """The words of the spaces *names*, one a clock."""
    return [
        {"bank": bank, "space": space.number, "word": number, "data": int(word)}
        for space, words in image.words()
        if space.name in names
        for number, word in enumerate(words)
    ]


def matches(tcam: Tcam, looked_up: bytes) -> int:
    """Columns, as bits, that accept each byte of *looked_up* at its position."""
    result = 0
    for column in range(tcam.space.columns):
        refused = any(
            tcam.mismatch[position, half, nibble, column]
            for position, byte in enumerate(looked_up[: tcam.space.positions])
            for half, nibble in enumerate((byte & 15, byte >> 4))
        )
        result |= (not refused) << column
    return result

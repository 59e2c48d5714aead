"""Clock-exact harness and stimuli for the matcher's parts in Amaranth's simulator.

A part is driven by one mapping of port to value for each clock, and answers with the values of its
probes in each clock: a result is then checked at the very clock that the part's latency promises.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Value
from amaranth.lib import wiring
from amaranth.sim import Simulator

from hybridmesh.contract.table import TableImage, Tcam

__all__ = [
    "Asker",
    "Frame",
    "bare",
    "clocked",
    "holey",
    "marked_beats",
    "matches",
    "refusals",
    "scatter",
    "table_words",
    "table_writes",
]

Step = Mapping[str, object]
"""What is driven in one clock: by port, a value, a payload, a table word, or None for idle."""


def clocked(
    dut: wiring.Component, steps: Sequence[Step], probes: Mapping[str, object], *others: Callable
) -> dict[str, list]:
    """Values of *probes* in each clock, while *steps* are driven; a list by probe.

    What a stream shows while it is idle is random.  *others* are testbenches that run meanwhile.
    """
    rng = random.Random(0)
    seen = {name: [] for name in probes}
    names = {name for step in steps for name in step}
    driven: dict[object, object] = {}

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
                    word = {"en": 0} if value is None else {"en": 1, **value}
                    for member, bits in word.items():
                        if driven.get((name, member)) != bits:
                            driven[name, member] = bits
                            ctx.set(getattr(port, member), bits)
                    continue
                elif isinstance(port, list | tuple):
                    for member, element in zip(port, value or (), strict=False):
                        ctx.set(member, element)
                    continue
                if value is not None and (isinstance(value, dict) or driven.get(name) != value):
                    driven[name] = value
                    ctx.set(port, value)
            _, _, *values = await ctx.tick().sample(*probes.values())
            for name, value in zip(probes, values, strict=True):
                seen[name].append(value)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    for other in others:
        simulator.add_testbench(other, background=True)
    simulator.run()
    return seen


class Asker:
    """A testbench that asks for table words by a TableRead port, some clocks apart.

    Attributes
    ----------
    answers : list of int
        So far, in the order of the questions.
    """

    def __init__(self, ask: wiring.PureInterface, questions: Iterable[Mapping[str, int]]) -> None:
        self._ask = ask
        self._questions = list(questions)
        self.answers: list[int] = []

    async def run(self, ctx) -> None:
        rng = random.Random(0)
        for question in self._questions:
            await ctx.tick().repeat(rng.randint(1, 3))
            for name, value in question.items():
                ctx.set(getattr(self._ask, name), value)
            ctx.set(self._ask.en, 1)
            done = False
            while not done:
                _, _, done, word = await ctx.tick().sample(self._ask.done, self._ask.data)
            self.answers.append(word)
            ctx.set(self._ask.en, 0)


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
    data = bytearray(frame.data)
    inside: set[int] = set()
    starts = [start for start, _ in frame.fields]
    for start, end in frame.fields:
        if end is not None:
            data[end] = 0
        after = min((s for s in starts if s > start), default=len(data)) if end is None else end + 1
        inside |= set(range(start, after))
    ends = [end for _, end in frame.fields if end is not None]
    beats = []
    for base in range(0, len(data), width):
        lanes = range(base, base + width)
        beats.append(
            {
                "data": int.from_bytes(data[base : base + width], "little"),
                "start": sum(1 << (a - base) for a in starts if a in lanes),
                "mask": sum(1 << (n - base) for n in lanes if n in inside),
                "end": sum(1 << (b - base) for b in ends if b in lanes),
                "bank": frame.bank,
                "first": base == 0,
            }
        )
    return beats


def bare(
    beats: Iterable[Mapping[str, int] | None], width: int, rng: random.Random, *names: str
) -> list[dict[str, int]]:
    """*beats* for a part whose ports are ``valid`` and *names*; what it shows idle is random."""
    bits = {"data": 8 * width, "start": width, "end": width}
    return [
        {"valid": 0, **{name: rng.getrandbits(bits.get(name, 1)) for name in names}}
        if beat is None
        else {"valid": 1, **{name: beat[name] for name in names}}
        for beat in beats
    ]


def scatter(image: TableImage, seed: int, refuse: Sequence[float]) -> TableImage:
    """*image* with random contents; in each TCAM a column refuses with one of *refuse*."""
    rng = np.random.default_rng(seed)
    for tcam in (image.path, image.host, image.header, image.word):
        odds = rng.choice(refuse, size=tcam.space.columns)
        tcam.mismatch[:] = rng.random(tcam.mismatch.shape) < odds
    image.host_class[:] = rng.integers(1, 256, size=image.host_class.shape)
    image.row_flags[:] = rng.integers(0, 4, size=image.row_flags.shape)
    return image


def table_words(image: TableImage, name: str) -> list[int]:
    """The words of the space *name*."""
    [words] = [words for space, words in image.words() if space.name == name]
    return words.tolist()


def table_writes(image: TableImage, bank: int, *names: str) -> list[dict[str, int]]:
    """The words of the spaces *names*, one a clock."""
    return [
        {"bank": bank, "space": space.number, "word": number, "data": int(word)}
        for space, words in image.words()
        if space.name in names
        for number, word in enumerate(words)
    ]


def refusals(tcam: Tcam, looked_up: Iterable[tuple[int, int]]) -> int:
    """Columns, as bits, that refuse one of the bytes *looked_up*: position and byte of each."""
    refused = np.zeros(tcam.space.columns, bool)
    for position, byte in looked_up:
        for half, nibble in enumerate((byte & 15, byte >> 4)):
            refused |= tcam.mismatch[position, half, nibble]
    return sum(1 << column for column in np.flatnonzero(refused).tolist())


def matches(tcam: Tcam, looked_up: bytes) -> int:
    """Columns, as bits, that accept each byte of *looked_up* at its position."""
    inside = enumerate(looked_up[: tcam.space.positions])
    return (1 << tcam.space.columns) - 1 & ~refusals(tcam, inside)

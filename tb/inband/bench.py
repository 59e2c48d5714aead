"""Control frames of all kinds between others: the register map is used as the golden model says,
the host gets its answers between the core's frames, and nothing else is changed or lost."""

import random
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from hybridmesh.contract.inband import (
    HEADER,
    LIMIT,
    OPERATION,
    Header,
    Kind,
    Operation,
    Outcome,
    frame,
    is_control,
    operations,
    read,
    read_run,
    write,
)
from hybridmesh.reference.inband import Endpoint
from hybridmesh.rtl.control.inband_session import Outcomes
from tb.lib.begin import clock_count, is_long, rng_of, start
from tb.lib.packed import unpack
from tb.lib.packet import beats, frames
from tb.lib.pauses import PAUSES
from tb.lib.registerfile import RegisterFile, serve
from tb.lib.stream import AmaranthPort, Sink, Source

ROUNDS = 200 if is_long() else 25
NIC, LAST = bytes.fromhex("0248594d5301"), 9
HEADER_END = 12 + HEADER.size
MISSED = 3
"""Clocks from a frame's end to the note that it was missed."""


class Watch:
    """When frames begin and end on the stream *name*, and in which clock what became of them."""

    def __init__(self, dut: Any, name: str) -> None:
        self.begins: list[int] = []
        self.ends: list[int] = []
        self._dut = dut
        self._valid, self._ready, self._payload = (
            getattr(dut, f"{name}__{member}") for member in ("valid", "ready", "payload")
        )
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        edge, within = RisingEdge(self._dut.clk), False
        while True:
            await edge
            if self._valid.value and self._ready.value:
                if not within:
                    self.begins.append(clock_count())
                within = not int(self._payload.value) >> LAST & 1
                if not within:
                    self.ends.append(clock_count())


class Bench:
    """The design between two sources and two sinks, and the golden model beside it."""

    def __init__(self, dut: Any, idle: str, backpressure: str) -> None:
        self.dut, self.rng = dut, rng_of(idle, backpressure)
        rng = self.rng
        self.host_tx = Source(dut.clk, AmaranthPort(dut, "host_tx"), PAUSES[idle](rng))
        self.core_rx = Source(dut.clk, AmaranthPort(dut, "core_rx"), PAUSES[idle](rng))
        self.core_tx = Sink(dut.clk, AmaranthPort(dut, "core_tx"), PAUSES[backpressure](rng))
        self.host_rx = Sink(dut.clk, AmaranthPort(dut, "host_rx"), PAUSES[backpressure](rng))
        self.coming, self.going = Watch(dut, "host_tx"), Watch(dut, "host_rx")
        self.outcomes: list[tuple[int, Outcome]] = []
        self.used, self.expected = RegisterFile(), RegisterFile()
        self.model = Endpoint(self.expected, self._start_number)
        self.sent: list[bytes] = []  # control frames of the host, in order
        self.numbers: list[int] = []  # of them, by frame of the host
        self.marked: set[int] = set()
        self.frames = 0
        self.others: list[tuple[bytes, bool]] = []
        self.core: list[tuple[bytes, bool]] = []
        self.answers: list[bytes] = []
        self.judged = 0
        self.released = 0  # the clock by which the last control frame was done with
        self._got: list[bytes] = []
        self._looked = 0  # beats of the host that are in them
        cocotb.start_soon(serve(dut, self.used))
        cocotb.start_soon(self._note())

    async def _note(self) -> None:
        edge = RisingEdge(self.dut.clk)
        while True:
            await edge
            if word := int(self.dut.outcomes.value):
                came = [name for name, flag in unpack(Outcomes, word).items() if flag]
                self.outcomes += [(clock_count(), Outcome[name.upper()]) for name in came]

    def _start_number(self) -> int:
        """As the design has chosen it."""
        return HEADER.unpack(self.got_answers()[len(self.answers)], 12).sequence

    def got(self) -> list[bytes]:
        """What the host has, but for a frame that has not ended."""
        ends = [n for n, beat in enumerate(self.host_rx.taken[self._looked :]) if beat >> LAST & 1]
        if ends:
            upto = self._looked + ends[-1] + 1
            self._got += frames(self.host_rx.taken[self._looked : upto], 1)
            self._looked = upto
        return self._got

    def got_answers(self) -> list[bytes]:
        return [data for data in self.got() if is_control(data)]

    def send(self, data: bytes, *, error: bool = False) -> None:
        """Send *data* from the host."""
        if is_control(data):
            self.numbers.append(self.frames)
            self.sent.append(data)
            if error:
                self.marked.add(len(self.sent) - 1)
        else:
            self.others.append((data, error))
        self.frames += 1
        self.host_tx.send(beats(data, 1, error=error))

    def send_core(self, data: bytes, *, error: bool = False) -> None:
        self.core.append((data, error))
        self.core_rx.send(beats(data, 1, error=error))

    async def settle(self) -> None:
        """Wait for the end of all that was sent, and hold it against the model."""
        await self.host_tx.drained()
        await until(self.dut, lambda: len(self.outcomes) >= len(self.sent))
        answering = {Outcome.EXECUTED, Outcome.OPENED, Outcome.REPEATED, Outcome.LOST}
        count = sum(outcome in answering for _, outcome in self.outcomes)
        await until(self.dut, lambda: len(self.got_answers()) >= count)
        await ClockCycles(self.dut.clk, 4)

        dropped = {clock for clock, outcome in self.outcomes if outcome is Outcome.MISSED}
        done = [item for item in self.outcomes if item[1] is not Outcome.MISSED]
        answered = [
            end for end, data in zip(self.going.ends, self.got(), strict=False) if is_control(data)
        ]
        for n in range(self.judged, len(self.sent)):
            place, number = f"control frame {n}", self.numbers[n]
            if self.coming.ends[number] + MISSED in dropped:
                assert self.coming.begins[number] <= self.released, place
                continue
            answer = self.model.receive(self.sent[n], error=n in self.marked)
            handled = self.model.outcomes.total()
            self.released = done[handled - 1][0]
            if answer is not None:
                self.released = answered[len(self.answers)]
                assert self.got_answers()[len(self.answers)] == answer, place
                self.answers.append(answer)
            assert Counter(outcome for _, outcome in done[:handled]) == self.model.outcomes, place
        self.judged = len(self.sent)
        assert len(self.got_answers()) == len(self.answers)
        assert len(done) == self.model.outcomes.total()
        assert self.used.log == self.expected.log

    async def finish(self) -> None:
        await self.core_rx.drained()
        await self.core_tx.until(sum(len(data) for data, _ in self.others))
        host = sum(len(data) for data, _ in self.core) + sum(map(len, self.answers))
        await self.host_rx.until(host)
        assert marked(self.core_tx.taken) == self.others
        got = marked(self.host_rx.taken)
        assert [item for item in got if not is_control(item[0])] == self.core
        assert [item for item in got if is_control(item[0])] == [(a, False) for a in self.answers]


def marked(taken: list[int]) -> list[tuple[bytes, bool]]:
    """The frames that the beats *taken* make, and whether they are marked bad."""
    marks = [bool(beat >> LAST + 1) for beat in taken if beat >> LAST & 1]
    return list(zip(frames(taken, 1), marks, strict=True))


async def until(dut: Any, done: Callable[[], bool]) -> None:
    for _ in range(4000):
        if done():
            return
        await ClockCycles(dut.clk, 20)
    raise AssertionError("not done after 80000 clocks")


def other(rng: random.Random) -> bytes:
    """A frame that is no control frame, though it may look like one at first, or further on."""
    size = rng.choice((1, 12, 13, 14, 15, 60, rng.randrange(14, 60), rng.randrange(60, 300)))
    data = bytearray(rng.randbytes(size))
    claim = rng.choice(
        (b"", b"\x88\xb5", b"\x88", b"\x08\xb6", b"\x81\x00\x00\x01\x88\xb6", b"\x08\x88\xb6")
    )
    data[12 : 12 + len(claim)] = claim
    if is_control(bytes(data)):
        data[13] ^= 1
    return bytes(data)


def steps(rng: random.Random) -> bytes:
    """Operations that are well formed."""
    todo = []
    for _ in range(rng.choice((0, 1, 1, 2, 5))):
        words = rng.choice((1, 1, 2, rng.randrange(1, 12)))
        address = RegisterFile.address(rng)
        kind = rng.choice((write, read, read_run))
        data = [rng.getrandbits(32) for _ in range(words)]
        todo.append(kind(address, data if kind is write else words))
    if rng.random() < 0.02:
        todo = [rng.choice((read(0x004, LIMIT // 4), write(0x004, range(LIMIT // 4 - 2))))]
    return operations(todo)


def odd_steps() -> list[bytes]:
    """Operations that are not well formed."""
    head, most = OPERATION.pack, LIMIT // 4
    return [
        *(head(Operation(code, 1, 0)) + bytes(4) for code in (0, 4, 0x0101, 0xFFFF)),
        *(head(Operation(code, 0, 0)) for code in (1, 2, 3)),
        *(head(Operation(1, words, 0)) + bytes(8) for words in (1, 3, 0xFFFF)),
        *(head(Operation(1, 2 + turns, 0)) + bytes(8) for turns in (256, 512, 1024)),
        *(head(Operation(code, words, 0)) for code in (2, 3) for words in (most + 1, 0xFFFF)),
        head(Operation(2, most, 0)) + head(Operation(3, 1, 0)),
        head(Operation(1, 3, 0))[:4],
    ]


def control(rng: random.Random, bench: Bench) -> tuple[bytes, bool]:
    """A control frame, and whether it is marked bad; what the model holds to makes it a good one,
    or one that is good but for one thing."""
    model = bench.model
    session, sequence = model.session, model.sequence
    if model.pending is not None and (not session or rng.random() < 0.4):
        session, sequence = model.pending
    kind = rng.choices(("next", "open", "again", "other", "spoiled"), (50, 15, 15, 10, 20))[0]
    host = rng.randbytes(6)
    if kind == "open" or not session:
        new = rng.choice((rng.getrandbits(32), session, model.session)) or 1
        version = rng.choice((1, 1, 2, 0))
        return frame(NIC, host, Header(version=version, kind=Kind.OPEN, session=new)), False
    if kind == "again" and bench.sent:
        return rng.choice(bench.sent[-3:]), False
    header = Header(session=session, sequence=sequence)
    body = steps(rng)
    if kind == "other":
        header = rng.choice(
            (
                header._replace(sequence=(sequence + rng.choice((1, -1, -2, 99))) % 2**32),
                header._replace(session=session ^ 1 << rng.randrange(32)),
            )
        )
    if kind != "spoiled":
        return frame(NIC, host, header, body) + rng.randbytes(rng.choice((0, 0, 1, 7))), False
    return rng.choice(spoiled(rng, host, header, body))


def spoiled(
    rng: random.Random, host: bytes, header: Header, body: bytes
) -> list[tuple[bytes, bool]]:
    """Frames that are good but for one thing, and whether they are marked bad."""
    body = body or operations([read(0)])
    whole = frame(NIC, host, header, body)
    end = HEADER_END + len(body)

    def of_length(length: int, behind: int) -> bytes:
        """A frame that says so, with a CRC that is right."""
        covered = HEADER.pack(header._replace(length=length)) + body
        return whole[:12] + covered + zlib.crc32(covered).to_bytes(4, "little") + bytes(behind)

    at = rng.randrange(14, end + 4)
    lengths = [len(body) + more for more in (4, -4, 1, 2, 3)] + [0xFFFC, LIMIT + 4]
    odd = [frame(NIC, host, header, operations) for operations in odd_steps()]
    behind = [frame(NIC, host, header, body[:600] + operations) for operations in odd_steps()]
    return [
        (whole, True),
        (whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1 :], False),
        *((whole[:size], False) for size in (14, 15, 16, 36, rng.randrange(14, end + 4), end + 3)),
        *((frame(NIC, host, header._replace(version=v), body), False) for v in (0, 2, 255)),
        *((frame(NIC, host, header._replace(kind=k), body), False) for k in (0, 3, 0x81, 0x82)),
        (frame(NIC, host, header._replace(session=0), body), False),
        (frame(NIC, host, header._replace(kind=Kind.OPEN, session=77), body), False),
        (frame(NIC, host, header, body + b"\0\0"), False),
        (frame(NIC, host, header, bytes(LIMIT + 4)), False),
        *((of_length(length, behind), False) for length in lengths for behind in (0, 20)),
        *((data, False) for data in odd + behind),
    ]


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES), backpressure=list(PAUSES))
async def registers_are_used_as_the_model_says(dut: Any, idle: str, backpressure: str) -> None:
    bench = Bench(dut, idle, backpressure)
    rng = bench.rng
    await start(dut)
    for _ in range(ROUNDS):
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            for _ in range(rng.choice((0, 0, 1, 2))):
                bench.send(other(rng), error=rng.random() < 0.2)
            data, bad = control(rng, bench)
            bench.send(data, error=bad)
            for _ in range(rng.choice((0, 1, 2))):
                bench.send_core(other(rng), error=rng.random() < 0.2)
        await bench.settle()
    await bench.finish()
    seen = {outcome for _, outcome in bench.outcomes}
    assert seen >= (set(Outcome) if is_long() else {Outcome.EXECUTED, Outcome.MALFORMED})
    if backpressure == "none":
        assert bench.host_tx.stalls == 0
        assert bench.core_rx.stalls <= sum(map(len, bench.answers))


@cocotb.test()
async def what_is_not_well_formed_changes_nothing(dut: Any) -> None:
    bench = Bench(dut, "none", "none")
    rng = bench.rng
    await start(dut)
    bench.send(frame(NIC, bytes(6), Header(kind=Kind.OPEN, session=5)))
    await bench.settle()
    for _ in range(2):
        session, sequence = bench.model.pending or (bench.model.session, bench.model.sequence)
        header = Header(session=session, sequence=sequence)
        before = list(bench.used.log)
        for data, bad in spoiled(rng, rng.randbytes(6), header, operations([write(8, [1, 2])])):
            bench.send(data, error=bad)
            await bench.settle()
        assert bench.used.log == before
        assert set(bench.model.outcomes) <= {Outcome.OPENED, Outcome.MALFORMED, Outcome.EXECUTED}
        bench.send(frame(NIC, bytes(6), header, operations([write(8, [1]), read(8)])))
        await bench.settle()
    await bench.finish()


@cocotb.test()
async def other_frames_pass_without_a_gap(dut: Any) -> None:
    bench = Bench(dut, "none", "none")
    await start(dut)
    for _ in range(30):
        bench.send(bench.rng.randbytes(bench.rng.randrange(60, 90)))
        bench.send_core(bench.rng.randbytes(bench.rng.randrange(60, 90)))
    watch = [Watch(dut, name) for name in ("core_tx", "host_rx")]
    await bench.finish()
    for stream in watch:
        assert [b - e for e, b in zip(stream.ends, stream.begins[1:], strict=False)] == [1] * 29

"""In-band control, part by part: what passes, in which clocks, and what is answered."""

import random

import pytest
from amaranth.sim import Simulator
from streambench import Received, collect, drive, frames_of, packet_beats, simulate

from hybridmesh.contract.inband import (
    LIMIT,
    Header,
    Kind,
    frame,
    is_control,
    message,
    operations,
    read,
    read_run,
    write,
)
from hybridmesh.reference.inband import Endpoint
from hybridmesh.rtl.control.inband import InbandControl
from hybridmesh.rtl.control.inband_answer import AnswerSender
from hybridmesh.rtl.control.inband_filter import ControlFilter
from tb.lib.registerfile import RegisterFile

HOST, NIC = bytes.fromhex("0a0b0c0d0e0f"), bytes.fromhex("0248594d5301")
SESSION = 0x12345678


def control(size: int = 60) -> bytes:
    return bytes(12) + b"\x88\xb6" + bytes(size - 14)


def passed(frames: list[bytes], *, idle: float = 0, stall: float = 0) -> Received:
    """What the filter lets go on of *frames*, all of which must be taken."""
    dut, received = ControlFilter(), Received()
    left = sum(not is_control(data) for data in frames)
    beats = [beat for data in frames for beat in packet_beats(data, 1)]
    simulate(
        dut,
        drive(dut.i, beats, idle=idle, seed=1),
        collect(dut.o, received, lambda: received.frames == left, stall=stall, seed=2),
    )
    return received


def test_frames_without_a_gap_leave_without_a_gap() -> None:
    rng = random.Random(1)
    sent = [rng.randbytes(size) for size in (60, 61, 14, 15, 90, 60)]
    received = passed(sent)
    assert frames_of(received, 1) == sent
    assert received.clocks == list(range(15, 15 + sum(map(len, sent))))


@pytest.mark.parametrize(("idle", "stall"), [(0, 0), (0.4, 0), (0, 0.6), (0.4, 0.4)])
def test_control_frames_alone_are_taken_out(idle: float, stall: float) -> None:
    rng = random.Random(2)
    likely = [
        bytes(12) + b"\x88\xb5" + bytes(46),
        bytes(12) + b"\x88",
        bytes(12) + b"\x08\xb6" + bytes(46),
        bytes(11) + b"\x88\xb6" + bytes(47),
        bytes(13) + b"\x88\xb6" + bytes(45),
        bytes(12) + b"\x81\0\0\1\x88\xb6" + bytes(42),
        *(rng.randbytes(size) for size in (1, 5, 13, 14, 70)),
    ]
    taken = [control(14), control(15), control(60), control(100)]
    sent = [rng.choice((rng.choice(likely), rng.choice(taken))) for _ in range(24)] + likely
    assert frames_of(passed(sent, idle=idle, stall=stall), 1) == [
        data for data in sent if data not in taken
    ]


def test_a_frame_that_goes_on_keeps_the_mark_of_the_mac() -> None:
    dut, received = ControlFilter(), Received()
    marks = [True, False, True]
    beats = [beat | {"error": mark} for mark in marks for beat in packet_beats(bytes(20), 1)]
    simulate(
        dut,
        drive(dut.i, beats),
        collect(dut.o, received, lambda: received.frames == len(marks)),
    )
    assert [bool(beat.error) for beat in received if beat.last] == marks


def test_a_control_frame_goes_through_though_the_wire_stands_still() -> None:
    dut = ControlFilter()
    beats = [b for data in (bytes(18), control(300)) for b in packet_beats(data, 1)]
    simulate(dut, drive(dut.i, beats), limit=330)


def test_an_answer_takes_its_own_length_between_two_frames_and_no_clock_more() -> None:
    dut, received = AnswerSender(), Received()
    sent = [bytes([n]) * 60 for n in range(1, 7)]
    beats = [beat for data in sent for beat in packet_beats(data, 1)]
    answer = {
        "asker": int.from_bytes(HOST, "big"),
        "kind": Kind.DONE,
        "session": SESSION,
        "sequence": 5,
        "owner": 9,
        "words": 7,
        "done": 3,
    }

    async def session(ctx) -> None:
        for n in range(7):
            ctx.set(dut.w_addr, n)
            ctx.set(dut.w_data, 0xC0000000 + n)
            ctx.set(dut.w_en, 1)
            await ctx.tick()
        ctx.set(dut.w_en, 0)
        ctx.set(dut.answer, answer)
        await ctx.tick().repeat(90)
        for _ in range(2):
            ctx.set(dut.send, 1)
            await ctx.tick().until(dut.sent)
            ctx.set(dut.send, 0)
            await ctx.tick().repeat(3)

    simulate(
        dut,
        session,
        drive(dut.i, beats),
        collect(dut.o, received, lambda: received.frames == len(sent) + 2),
    )
    body = b"".join((0xC0000000 + n).to_bytes(4, "big") for n in range(7))
    header = Header(
        kind=Kind.DONE, session=SESSION, sequence=5, owner=9, limit=LIMIT, done=3, registers=2
    )
    expected = frame(HOST, NIC, header, body)
    frames = frames_of(received, 1)
    assert len(expected) == 68
    assert frames == [*sent[:2], expected, sent[2], expected, *sent[3:]]
    first = received.clocks[0]
    assert received.clocks == list(range(first, first + len(received)))


class Nic:
    """The design with registers behind it, its golden model, and what the two answer."""

    def __init__(self) -> None:
        self.dut, self.used = InbandControl(), RegisterFile()
        self.expected = RegisterFile()
        self.answers: list[bytes] = []
        self.ends: list[int] = []
        self.model = Endpoint(
            self.expected,
            lambda: message(self.answers[-1]).header.sequence,  # as it has chosen
        )

    async def registers(self, ctx) -> None:
        bus = self.dut.bus
        tick = ctx.tick().sample(bus.w_en, bus.w_address, bus.w_data, bus.r_en, bus.r_address)
        asked = False
        word = None
        async for _, _, w_en, w_address, w_data, r_en, r_address in tick:
            if asked:
                ctx.set(bus.r_data, word or 0)
                ctx.set(bus.r_error, word is None)
            ctx.set(bus.w_error, bool(w_en and not self.used.write(w_address, w_data)))
            asked = r_en
            if asked:
                word = self.used.read(r_address)

    async def ask(self, ctx, data: bytes) -> tuple[bytes, int]:
        """The answer to *data*, which must be the model's, and the clocks until it begins."""
        dut = self.dut
        for beat in packet_beats(data, 1):
            ctx.set(dut.host_tx.payload, beat)
            ctx.set(dut.host_tx.valid, 1)
            await ctx.tick()
        ctx.set(dut.host_tx.valid, 0)
        ctx.set(dut.host_rx.ready, 1)
        beats, clocks = [], 0
        while not beats or not beats[-1].last:
            _, _, valid, payload = await ctx.tick().sample(dut.host_rx.valid, dut.host_rx.payload)
            clocks += not beats
            if valid:
                beats.append(payload)
        (answer,) = frames_of(beats, 1)
        self.answers.append(answer)
        assert answer == self.model.receive(data)
        assert self.used.log == self.expected.log
        return answer, clocks

    def run(self, testbench) -> None:
        simulator = Simulator(self.dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self.registers, background=True)
        simulator.add_testbench(testbench)
        simulator.run()


def test_requests_are_carried_out_as_the_model_does() -> None:
    nic = Nic()

    async def host(ctx) -> None:
        opened, clocks = await nic.ask(ctx, frame(NIC, HOST, Header(kind=Kind.OPEN, session=7)))
        assert clocks == 9
        first = message(opened).header.sequence
        for n, steps in enumerate(
            (
                (),
                (write(4, [1, 2, 3]), read(4), read_run(0, 3)),
                (read(0x200, 3), write(0x300, range(8)), read(0)),
                (write(0x108, [1]), read(0)),
                (read(0x10), read(0x1004), read(0)),
                (write(0x80000004, [5]),),
                (read_run(0x3F8, 2), read_run(0xFF8, 1)),
            )
        ):
            header = Header(session=7, sequence=first + n)
            answer, _ = await nic.ask(ctx, frame(NIC, HOST, header, operations(steps)))
            again, clocks = await nic.ask(ctx, frame(NIC, HOST, header))
            assert again == answer
            assert clocks == 9
        await nic.ask(ctx, frame(NIC, HOST, Header(session=8, sequence=first)))

    nic.run(host)
    kinds = [message(answer).header.kind for answer in nic.answers]
    assert kinds[::2] == [
        *(Kind.OPENED, Kind.DONE, Kind.DONE, Kind.REFUSED, Kind.REFUSED),
        *(Kind.REFUSED, Kind.REFUSED, Kind.REFUSED),
    ]
    assert kinds[-1] == Kind.LOST


def test_a_request_is_carried_out_in_so_many_clocks() -> None:
    nic = Nic()

    async def host(ctx) -> None:
        opened, overhead = await nic.ask(ctx, frame(NIC, HOST, Header(kind=Kind.OPEN, session=7)))
        header = Header(session=7, sequence=message(opened).header.sequence)
        words = operations([write(4, range(100))])
        _, writing = await nic.ask(ctx, frame(NIC, HOST, header, words))
        header = header._replace(sequence=header.sequence + 1)
        _, reading = await nic.ask(ctx, frame(NIC, HOST, header, operations([read(4, 100)])))
        assert writing - overhead in range(300, 320)
        assert reading - overhead in range(400, 420)

    nic.run(host)

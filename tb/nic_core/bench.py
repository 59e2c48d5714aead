"""Frames in from the wire, frames and verdicts out to the host: the same as the golden model's.

What a model cannot say is measured clock by clock: how long a verdict takes, and that the wire is
never made to wait for one.
"""

from itertools import chain, repeat
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from hybridmesh.contract.flow import WAYS, flow_place
from hybridmesh.contract.registers import COUNTERS, register
from hybridmesh.contract.table import TableImage
from hybridmesh.contract.verdict import SHIM, Reason
from hybridmesh.nic import ReferenceNic
from hybridmesh.nic.frames import split
from tb.lib.axil import AxiLite
from tb.lib.begin import is_long, rng_of, start
from tb.lib.conversations import conversations
from tb.lib.design import under_test
from tb.lib.packet import beats, frames
from tb.lib.pauses import PAUSES
from tb.lib.stream import AxiPort, Sink, Source
from tb.lib.traffic import PORT, Client, any_payload, head, opened, request, table

GEOMETRY = under_test().geometry
WIDTH = GEOMETRY.width
CASES = len(PAUSES) ** 2
FRAMES = (20_000 if WIDTH == 8 else 4_000) // CASES if is_long() else 4 * WIDTH + 20
PORTS = (8080, PORT, 0, 443)
ROOM = [None] * -(-SHIM.size // WIDTH)
"""Clocks between two frames that leave the host's side room for a shim."""

QUIET = 600
"""Clocks without a beat to the host after which the NIC is empty."""


class Bench:
    """A NIC with a table in it, and its golden model in the same state."""

    def __init__(self, dut: Any, idle: str = "none", backpressure: str = "none") -> None:
        self.dut = dut
        self.rng = rng_of(idle, backpressure)
        self.bus = AxiLite(dut, "s_axil_", repeat(False))
        self.wire = Source(dut.clk, AxiPort(dut, "s_axis_rx"), PAUSES[idle](self.rng))
        self.host = Sink(dut.clk, AxiPort(dut, "m_axis_rx"), PAUSES[backpressure](self.rng))
        self.up = Source(dut.clk, AxiPort(dut, "s_axis_tx"), PAUSES[idle](self.rng))
        self.out = Sink(dut.clk, AxiPort(dut, "m_axis_tx"), PAUSES[backpressure](self.rng))
        self.model = ReferenceNic(GEOMETRY)

    async def start(self) -> None:
        await start(self.dut)
        image = table(GEOMETRY)
        await self.fill(image)
        await self.bus.put("table_commit", self.model.load(image))
        await self.bus.put("control", 1)
        for listener, port in enumerate(PORTS):
            await self.bus.put(f"listen_port_{listener}", port)
        self.model.listen(*PORTS)

    async def fill(self, image: TableImage) -> None:
        """Write *image* to the spare bank."""
        for space, words in image.words():
            await self.bus.put("table_address", space.base)
            await self.bus.put("table_data", *words)

    async def finish(self) -> list[bytes]:
        """Wait until the NIC is empty; the frames that the host got."""
        await self.wire.drained()
        before = -1
        while before != len(self.host.taken):
            before = len(self.host.taken)
            await ClockCycles(self.dut.clk, QUIET)
        return frames(self.host.taken, WIDTH)


def timeless(frame: bytes) -> bytes:
    """*frame* without the latency in its shim, which the model does not know."""
    verdict, rest = split(frame)
    if verdict is None:
        return frame
    return rest[:12] + SHIM.pack(verdict._replace(latency=0)) + rest[12:]


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES), backpressure=list(PAUSES))
async def the_host_gets_what_the_model_gives(dut: Any, idle: str, backpressure: str) -> None:
    bench = Bench(dut, idle, backpressure)
    await bench.start()
    expected = []
    for frame in conversations(bench.rng, FRAMES, (PORT, 8080, 443)):
        error = bench.rng.random() < 0.03
        bench.wire.send(beats(frame, WIDTH, error=error))
        if (model := bench.model.receive(frame, error=error)) is not None:
            expected.append(model)
    got = await bench.finish()
    for number, (frame, model) in enumerate(zip(got, expected, strict=False)):
        assert timeless(frame) == model, f"frame {number}: {split(frame)[0]}, {split(model)[0]}"
    assert len(got) == len(expected)
    counters = {counter.name: await bench.bus.get(counter.name) for counter in COUNTERS}
    assert counters == bench.model.counters()
    assert counters["decided"]


class Talk:
    """A client whose connection has a set of the table for itself."""

    def __init__(self, bench: Bench, client: Client) -> None:
        self._bench, self._client = bench, client
        self._seq = bench.rng.getrandbits(32)

    def asks(self) -> bytes:
        """The frame of a request; one in three has something behind it that the NIC loses it by."""
        rng, seq, data = self._bench.rng, self._seq, b"".join(request(self._bench.rng))
        self._seq += len(data) + rng.choice((0, 0, rng.randrange(1, 5000)))
        return self._client.segment(seq, data)

    async def is_told(self) -> None:
        """The host tells the NIC, and the model, where the next request begins."""
        bench, connection = self._bench, self._client.connection
        await bench.bus.put("flow_hash", connection.flow(PORTS.index(PORT)))
        await bench.bus.put("flow_syn", self._seq - 1 & 0xFFFFFFFF)
        while register("status").field("telling").get(await bench.bus.get("status")):
            pass
        bench.model.expect_head(connection, self._seq)


def talks(bench: Bench) -> list[Talk]:
    """One for each set."""
    clients: dict[int, Client] = {}
    while len(clients) < GEOMETRY.flows // WAYS:
        client = Client(bench.rng)
        flow = client.connection.flow(PORTS.index(PORT))
        clients.setdefault(flow_place(GEOMETRY, flow)[0], client)
    return [Talk(bench, client) for client in clients.values()]


@cocotb.test()
@cocotb.parametrize(idle=["none", "bursts"])
async def what_is_told_amid_traffic_is_known_from_then_on(dut: Any, idle: str) -> None:
    """While a connection is told of, frames of others pass and none of its own."""
    bench = Bench(dut, idle)
    await bench.start()
    rng, everyone = bench.rng, talks(bench)
    told, expected, begun, meanwhile = everyone[0], [], [], 0
    for _ in range(300 if is_long() else 10):
        following = rng.choice([talk for talk in everyone if talk is not told])
        others = [talk for talk in everyone if talk not in (told, following)]
        for talk in (following, *rng.choices(others, k=6 + WIDTH // 4)):
            frame = talk.asks()
            bench.wire.send(beats(frame, WIDTH))
            expected.append(bench.model.receive(frame))
        taken = bench.wire.taken
        await told.is_told()
        meanwhile += bench.wire.taken - taken
        frame = told.asks()
        bench.wire.send(beats(frame, WIDTH))
        expected.append(bench.model.receive(frame))
        begun.append(expected[-1])
        await bench.wire.drained()
        told = following
    got = await bench.finish()
    for number, (frame, model) in enumerate(zip(got, expected, strict=True)):
        assert timeless(frame) == model, f"frame {number}: {split(frame)[0]}, {split(model)[0]}"
    assert meanwhile > len(begun)
    for frame in begun:
        verdict, _ = split(frame)
        assert verdict is not None
        assert verdict.reason != Reason.UNKNOWN_START


@cocotb.test()
@cocotb.parametrize(idle=["none", "coin"])
async def a_verdict_is_there_a_constant_time_after_the_frame(dut: Any, idle: str) -> None:
    bench = Bench(dut, idle)
    await bench.start()
    clocks: list[int] = []

    async def watch() -> None:
        clock = 0
        while True:
            await RisingEdge(dut.clk)
            clock += 1
            if dut.s_axis_rx_tvalid.value and dut.s_axis_rx_tready.value:
                clocks.append(clock)

    cocotb.start_soon(watch())
    sent = []
    for _ in range(200 if is_long() else 30):
        sent += opened(bench.rng, any_payload(bench.rng))
    for frame in sent:
        bench.wire.send(chain(beats(frame, WIDTH), ROOM))
    beat = iter(clocks)
    waits = set()
    for frame in await bench.finish():
        verdict, original = split(frame)
        times = [next(beat) for _ in beats(original, WIDTH)]
        if verdict is not None:
            waits.add(verdict.latency - (times[-1] - times[0]))
    assert len(waits) == 1, f"clocks from the last beat to the verdict: {sorted(waits)}"
    dut._log.info("a verdict takes %d clocks after the frame's last beat", waits.pop())


SHORTEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
ADVERSE = (
    SHORTEST,
    SHORTEST * 40,
    b"GET /?a&b=1&&c HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 99 + b"\r\n",
    b"GET / HTTP/1.1\r\n" + b"Host: a\r\n" * 30 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"Content-Length: 9\r\n" * 30 + b"\r\n",
    b"\r\n" * 300,
    b"G",
)
"""Payloads with more marks in a beat than a head that is decided has."""


@cocotb.test()
async def the_wire_never_waits_where_the_host_has_room_for_the_shims(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    sent = []
    for number in range(600 if is_long() else 60):
        kinds = (head(bench.rng), *ADVERSE, b"G" * bench.rng.randrange(1, 1400))
        sent += opened(bench.rng, kinds[number % len(kinds)])
    for frame in sent:
        bench.wire.send(chain(beats(frame, WIDTH), ROOM))
    got = await bench.finish()
    assert bench.wire.stalls == 0
    assert [timeless(frame) for frame in got] == bench.model.exchange(sent)


@cocotb.test()
async def smallest_frames_without_a_gap_never_wait(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    for _ in range(300):
        bench.wire.send(beats(bench.rng.randbytes(bench.rng.choice((1, 60))), WIDTH))
    await bench.finish()
    assert bench.wire.stalls == 0


@cocotb.test()
async def runts_close_behind_a_head_change_nothing(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    sent = []
    for _ in range(600 if is_long() else 10 * WIDTH + 20):
        sent += opened(bench.rng, head(bench.rng))
        sent += [bytes(bench.rng.randrange(1, 20)) for _ in range(bench.rng.randrange(1, 6))]
    for frame in sent:
        bench.wire.send(beats(frame, WIDTH))
    got = await bench.finish()
    expected = bench.model.exchange(sent)
    for number, (frame, model) in enumerate(zip(got, expected, strict=True)):
        assert timeless(frame) == model, f"frame {number}: {split(frame)[0]}, {split(model)[0]}"


@cocotb.test()
@cocotb.parametrize(idle=list(PAUSES), backpressure=list(PAUSES))
async def frames_from_the_host_reach_the_wire_unchanged(
    dut: Any, idle: str, backpressure: str
) -> None:
    bench = Bench(dut, idle, backpressure)
    await start(dut)
    sent = [bench.rng.randbytes(bench.rng.randrange(1, 200)) for _ in range(20)]
    for frame in sent:
        bench.up.send(beats(frame, WIDTH))
    await bench.up.drained()
    taken = await bench.out.until(sum(len(beats(frame, WIDTH)) for frame in sent))
    assert frames(taken, WIDTH) == sent


@cocotb.test()
async def a_table_swapped_under_traffic_is_seen_whole_or_not_at_all(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    sent = []
    for _ in range(70 * WIDTH + 40):
        sent += opened(bench.rng, head(bench.rng))
    for frame in sent:
        bench.wire.send(beats(frame, WIDTH))
    images = [table(GEOMETRY), table(GEOMETRY, canary="always")]
    pending = register("status").field("pending")
    for epoch in (2, 3):
        await bench.fill(images[(epoch - 1) % 2])
        await bench.bus.put("table_commit", epoch)
        while pending.get(await bench.bus.get("status")):
            pass
    got = await bench.finish()
    models = {}
    for epoch in (1, 2, 3):
        models[epoch] = ReferenceNic(GEOMETRY)
        models[epoch].listen(*PORTS)
        for number in range(epoch):
            models[epoch].load(images[number % 2])
    openings, heads = sent[::2], sent[1::2]
    assert got[::2] == openings
    epochs = []
    for opening, wire, frame in zip(openings, heads, got[1::2], strict=True):
        verdict, _ = split(frame)
        assert verdict is not None
        epochs.append(verdict.epoch)
        assert models[verdict.epoch].exchange([opening, wire]) == [opening, timeless(frame)]
    assert sorted(set(epochs)) == [1, 2, 3]
    assert epochs == sorted(epochs)

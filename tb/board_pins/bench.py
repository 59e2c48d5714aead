"""Frames pass a board from pins to pins, both ways at once, as the golden model says: at full rate
with clocks that are off, and in bursts; its table comes by control frames over the same pins."""

import random
from collections.abc import Iterable
from itertools import islice
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles
from cocotb.utils import get_sim_time
from cocotbext.eth import GmiiFrame, RgmiiSink, RgmiiSource

from hybridmesh.contract.inband import is_control
from hybridmesh.contract.registers import PORTS
from hybridmesh.contract.verdict import SHIM
from hybridmesh.nic.frames import SHORTEST, split
from hybridmesh.nic.inband import InbandClient
from hybridmesh.nic.inbandbus import InbandBus, InbandRegisters
from hybridmesh.nic.reference import ReferenceNic
from tb.board_pins import GEOMETRY
from tb.lib.begin import is_long, rng_of
from tb.lib.conversations import conversations
from tb.lib.traffic import PORT, table

PERIOD = 20_000
"""Picoseconds of each clock: of a length that 100 parts in a million change by whole steps."""

OFFSETS = [(100, -100, -100), (-100, 100, 100), (0, 100, -100)]
"""Parts in a million by which the clocks of the wire's receiver, the host's receiver, and the board
are faster than nominal."""

LOST = ("rx_bad_fcs", "rx_unreadable", "rx_oversize", "rx_overrun", "rx_stopped", "tx_dropped")
"""Counters of a port that stay 0."""


class Bench:
    """The board, and PHYs at both of its ports."""

    def __init__(self, dut: Any, offsets: tuple[int, int, int]) -> None:
        self.dut = dut
        self._offsets = offsets
        self.source, self.sink = {}, {}
        for port in PORTS:
            pins = {pin: getattr(dut, f"{port}_rgmii_{pin}") for pin in ("rx_data", "rx_ctl")}
            clock = getattr(dut, f"{port}_rx_clk")
            self.source[port] = RgmiiSource(pins["rx_data"], pins["rx_ctl"], clock)
            pins = [getattr(dut, f"{port}_rgmii_{pin}") for pin in ("tx_data", "tx_ctl", "tx_clk")]
            self.sink[port] = RgmiiSink(*pins)
        self._numbers = rng_of("sessions", offsets)

    async def start(self) -> None:
        """Run the clocks, and take all through the reset."""
        dut, (wire, host, board) = self.dut, self._offsets
        pairs = ((dut.clk, board), (dut.tx_clk, board), (dut.wire_rx_clk, wire))
        for clock, faster in (*pairs, (dut.host_rx_clk, host)):
            Clock(clock, PERIOD - PERIOD * faster // 1_000_000, unit="ps").start()
        resets = [getattr(dut, name) for name in ("rst", "tx_rst", "wire_rx_rst", "host_rx_rst")]
        for value in (1, 0):
            for reset in resets:
                reset.value = value
            await ClockCycles(dut.clk, 16)

    def send(self, port: str, frame: bytes) -> None:
        self.source[port].send_nowait(GmiiFrame.from_payload(frame))

    def came(self, port: str) -> list[bytes]:
        """Frames that the PHY at *port* has got since."""
        frames = []
        while not self.sink[port].empty():
            frame = self.sink[port].recv_nowait()
            assert frame.check_fcs(), "the FCS is wrong"
            assert not frame.error, "TX_ER"
            frames.append(bytes(frame.get_payload()))
        return frames

    async def driver(self) -> InbandRegisters:
        """A driver at the host's port, in a session of its own; for code that blocks."""
        client = InbandClient(b"\2\0\0\0\0\7", "bench", lambda: self._numbers.getrandbits(32))
        return await bridge(lambda: InbandRegisters(InbandBus(Pins(self), client), after=0))()


class Pins:
    """The host's interface, for a driver and its control frames."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def now(self) -> float:
        return get_sim_time("ps") / PERIOD * 8e-9

    def send(self, frame: bytes) -> None:
        self._bench.send("host", frame)

    @resume
    async def receive(self, until: float) -> bytes:
        while self.now() < until:
            if came := self._bench.came("host"):
                (frame,) = came
                assert is_control(frame)
                return frame
            await ClockCycles(self._bench.dut.clk, 20)
        raise AssertionError("a control frame has no answer, and none is lost here")


async def all_came(bench: Bench, counts: dict[str, int]) -> dict[str, list[bytes]]:
    """So many frames of each port; raises :exc:`AssertionError` where none comes any more."""
    came: dict[str, list[bytes]] = {port: [] for port in counts}
    still = 0
    while any(len(came[port]) < count for port, count in counts.items()):
        await ClockCycles(bench.dut.clk, 200)
        more = {port: bench.came(port) for port in counts}
        still = 0 if any(more.values()) else still + 200
        for port, frames in more.items():
            came[port] += frames
        missing = {port: count - len(came[port]) for port, count in counts.items()}
        assert still < 10_000, f"nothing comes any more, and these are missing: {missing}"
    return came


async def nothing_is_lost(bench: Bench) -> dict[str, int]:
    """The counters, of which those of lost frames are 0."""
    control = await bench.driver()
    counters = await bridge(control.counters)()
    assert not {name: counters[name] for name in losses() if counters[name]}
    return counters


def losses() -> Iterable[str]:
    return (f"{port}_{name}" for port in PORTS for name in LOST)


def plain(rng: random.Random) -> bytes:
    """A frame that no listener is meant by, most often as short as one may be."""
    size = rng.choice((60, 60, 60, 60, 61, 64, rng.randrange(60, 200), rng.randrange(60, 1515)))
    return rng.randbytes(12) + b"\x08\x06" + rng.randbytes(size - 14)


@cocotb.test()
@cocotb.parametrize(offsets=OFFSETS)
async def both_directions_pass_at_full_rate(dut: Any, offsets: tuple[int, int, int]) -> None:
    rng = rng_of(offsets)
    bench = Bench(dut, offsets)
    await bench.start()
    count = 7000 if is_long() else 60
    sent = {port: [plain(rng) for _ in range(count)] for port in PORTS}
    for port, frames in sent.items():
        for frame in frames:
            bench.send(port, frame)
    came = await all_came(bench, {"host": count, "wire": count})
    assert came["host"] == sent["wire"]
    assert came["wire"] == sent["host"]
    counters = await nothing_is_lost(bench)
    assert counters["wire_rx_frames"] == counters["wire_tx_frames"] == counters["passed"] == count


@cocotb.test()
async def bursts_get_their_verdicts_both_ways(dut: Any) -> None:
    rng = rng_of()
    bench = Bench(dut, OFFSETS[0])
    await bench.start()
    control = await bench.driver()
    image, model = table(GEOMETRY), ReferenceNic(GEOMETRY)
    assert await bridge(lambda: control.load(image))() == model.load(image)
    await bridge(lambda: control.listen(PORT))()
    model.listen(PORT)

    frames = conversations(rng, 2500 if is_long() else 60)
    came: dict[str, list[bytes]] = {port: [] for port in PORTS}
    expected, sent = [], []
    while burst := list(islice(frames, rng.randrange(1, 12))):
        for frame in burst:
            if len(frame) <= 1514:  # as on a wire
                bench.send("wire", frame)
                out = model.receive(frame.ljust(SHORTEST, b"\0"))
                expected += [] if out is None else [out]
        for _ in range(rng.randrange(8)):
            sent.append(plain(rng))
            bench.send("host", sent[-1])
        while any(not source.empty() for source in bench.source.values()):
            await ClockCycles(dut.clk, 100)
        await ClockCycles(dut.clk, rng.choice((1, 50, 700)))
        for port in PORTS:
            came[port] += bench.came(port)
    missing = {"host": len(expected) - len(came["host"]), "wire": len(sent) - len(came["wire"])}
    rest = await all_came(bench, missing)
    assert came["wire"] + rest["wire"] == sent
    assert [timeless(got) for got in came["host"] + rest["host"]] == expected
    counters = await nothing_is_lost(bench)
    assert {name: counters[name] for name in model.counters()} == model.counters()
    assert counters["decided"] > 0


def timeless(got: bytes) -> bytes:
    """What the host got, without the time that a verdict has taken."""
    verdict, original = split(got)
    if verdict is None:
        return got
    return got[:12] + SHIM.pack(verdict._replace(latency=0)) + original[12:]

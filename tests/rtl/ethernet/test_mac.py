"""The whole MAC, its pins joined to each other: what is sent comes back."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator
from streambench import packet_beats

from hybridmesh.rtl.ethernet.gmii import Speed
from hybridmesh.rtl.ethernet.mac import EthernetMac, MacEvents
from hybridmesh.rtl.stream import packets


class Loop(wiring.Component):
    """A MAC whose octets come back; below 1000 Mb/s the receiver's clock is that of a nibble."""

    def __init__(self) -> None:
        super().__init__(
            {
                "rx": Out(packets(1)),
                "tx": In(packets(1)),
                "speed": In(Speed),
                "events": Out(MacEvents),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.mac = mac = EthernetMac(longest=100, backlog=20)
        wiring.connect(m, mac.rx, wiring.flipped(self.rx))
        wiring.connect(m, mac.tx, wiring.flipped(self.tx))
        m.d.comb += [
            mac.speed.eq(self.speed),
            mac.gmii_rx.data.eq(mac.gmii_tx.data),
            mac.gmii_rx.dv.eq(mac.gmii_tx.dv),
            self.events.eq(mac.events),
        ]
        return m


@pytest.mark.parametrize(("speed", "slower"), [(Speed.M1000, 1), (Speed.M100, 5)])
def test_what_is_sent_comes_back_padded(speed: Speed, slower: int) -> None:
    dut = Loop()
    sent = [bytes([n]) * size for n, size in enumerate((1, 60, 100), 1)]
    beats = [beat for frame in sent for beat in packet_beats(frame, 1)]
    beats[61:61] = [*packet_beats(b"bad" * 22, 1)[:-1], {"data": 0, "last": 1, "error": 1}]
    taken, frames = bytearray(), []
    counts = dict.fromkeys(MacEvents.members, 0)

    async def give(ctx) -> None:
        ctx.set(dut.speed, speed)
        await ctx.tick().repeat(10)
        for beat in beats:
            ctx.set(dut.tx.payload, beat)
            ctx.set(dut.tx.valid, 1)
            await ctx.tick().until(dut.tx.ready)
        ctx.set(dut.tx.valid, 0)

    async def take(ctx) -> None:
        ctx.set(dut.rx.ready, 1)
        while len(frames) < len(sent):
            _, _, valid, beat, events = await ctx.tick().sample(
                dut.rx.valid, dut.rx.payload, dut.events
            )
            for name in counts:
                counts[name] += events[name]
            if valid:
                taken.append(beat.data)
                assert not beat.error
                if beat.last:
                    frames.append(bytes(taken))
                    taken.clear()

    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_clock(8e-9, domain="tx", phase=1e-9)
    simulator.add_clock(slower * 8e-9, domain="rx", phase=2e-9)
    simulator.add_testbench(give)
    simulator.add_testbench(take)
    for _ in range(100_000):
        if not simulator.advance():
            break
    assert frames == [frame.ljust(60, b"\0") for frame in sent]
    expected = {"rx_frames": 3, "tx_frames": 3, "tx_dropped": 1}
    assert counts == dict.fromkeys(counts, 0) | expected

"""The pins carry what cocotbext-eth's models of RGMII send and expect, at every speed, in both
directions at once and at full rate."""

from typing import Any

import cocotb
from cocotbext.eth import GmiiFrame, RgmiiSink, RgmiiSource

from hybridmesh.rtl.ethernet.gmii import Speed
from tb.ethernet_mac.clocks import Counts, clocks, wait
from tb.lib.begin import is_long, rng_of
from tb.lib.packet import beats, frames
from tb.lib.pauses import PAUSES
from tb.lib.stream import AmaranthPort, Sink, Source

OFFSETS = {Speed.M10: (-100, 100, 0), Speed.M100: (100, 0, -100), Speed.M1000: (100, -100, -100)}
COUNTS = {Speed.M10: 100, Speed.M100: 400, Speed.M1000: 50_000}
if not is_long():
    COUNTS = {Speed.M10: 2, Speed.M100: 8, Speed.M1000: 60}


@cocotb.test()
@cocotb.parametrize(speed=list(Speed))
async def the_models_of_the_pins_see_and_send_the_same_frames(dut: Any, speed: Speed) -> None:
    rng = rng_of(speed)
    count = COUNTS[speed]
    dut.speed.value = speed.value
    phy_rx = RgmiiSource(dut.rgmii_rx_data, dut.rgmii_rx_ctl, dut.rx_clk)
    phy_tx = RgmiiSink(dut.rgmii_tx_data, dut.rgmii_tx_ctl, dut.rgmii_tx_clk)
    phy_rx.mii_mode = phy_tx.mii_mode = speed is not Speed.M1000
    counts = Counts(dut)
    source = Source(dut.clk, AmaranthPort(dut, "tx"), PAUSES["none"](rng))
    sink = Sink(dut.clk, AmaranthPort(dut, "rx"), PAUSES["none"](rng))
    await clocks(dut, OFFSETS[speed], speed)

    come, go = (
        [rng.randbytes(rng.choice((60, 60, 61, 64, 200))) for _ in range(count)] for _ in range(2)
    )
    for frame in come:
        phy_rx.send_nowait(GmiiFrame.from_payload(frame))
    broken = GmiiFrame.from_payload(b"\0" * 60)
    broken.error = [n == 30 for n in range(len(broken.data))]
    phy_rx.send_nowait(broken)
    for frame in go:
        source.send(beats(frame, 1))
    await wait(dut, lambda: phy_tx.count() == count, lambda: phy_tx.count())
    await wait(
        dut, lambda: counts["rx_unreadable"] and sink.taken[-1] >> 10, lambda: len(sink.taken)
    )

    assert frames(sink.taken, 1)[:-1] == come
    sent = [phy_tx.recv_nowait() for _ in go]
    assert [bytes(frame.get_payload()) for frame in sent] == go
    assert all(frame.check_fcs() and not frame.error for frame in sent)
    assert counts == counts.none() | {"rx_frames": count, "rx_unreadable": 1, "tx_frames": count}

"""Streams that are always ready: what passes and in which clock, and payload beats to drive.

There is no backpressure here; a bench goes through idle patterns and lengths instead.
"""

import random
from collections.abc import Mapping
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from hybridmesh.contract.flow import HEADERS
from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.layout import FrameInfo, payload_beat

from .begin import clock_count
from .packed import pack
from .stream import AmaranthPort

__all__ = ["Watch", "joined_beats", "payload_beats"]


class Watch:
    """What passes on the stream *name*.

    Attributes
    ----------
    clocks, payloads : list of int
        The clock of each transfer, and what it carried.
    """

    def __init__(self, dut: Any, name: str) -> None:
        self.clocks: list[int] = []
        self.payloads: list[int] = []
        cocotb.start_soon(self._run(RisingEdge(dut.clk), AmaranthPort(dut, name)))

    async def _run(self, edge: RisingEdge, port: AmaranthPort) -> None:
        while True:
            await edge
            if port.valid.value:
                self.clocks.append(clock_count())
                self.payloads.append(port.payload())


def payload_beats(
    geometry: Geometry,
    rng: random.Random,
    payload: bytes,
    *,
    before: int,
    info: Mapping[str, int],
    bank: int = 0,
) -> list[int]:
    """The beats of a frame with *before* bytes of headers, then *payload*, then some padding.

    Headers and padding look like parts of a head, which only their mask tells from one.
    """
    width = geometry.width
    start = (b"\n" * before + b"GET / HTTP/1.1\r\nHost: ")[-before:] if before else b""
    frame = start + payload + b"\r\n\r\nGET / "[: rng.choice((0, 0, 4, 10))]
    frame += rng.randbytes(-len(frame) % width)
    known = pack(FrameInfo, **info)
    beats = []
    for at in range(0, len(frame), width):
        inside = (before <= at + lane < before + len(payload) for lane in range(width))
        last = at + width >= len(frame)
        beats.append(
            pack(
                payload_beat(geometry),
                data=int.from_bytes(frame[at : at + width], "little"),
                mask=sum(member << lane for lane, member in enumerate(inside)),
                offset=at - before & 0xFFFF,
                bank=bank,
                first=at == 0,
                last=last,
                info=known if last else 0,
            )
        )
    return beats


def joined_beats(
    geometry: Geometry,
    payload: bytes,
    known: int,
    *,
    info: Mapping[str, int],
    bank: int = 0,
) -> list[int | None]:
    """The beats of the frame that brings *payload*, but its *known* bytes, as a joiner gives them.

    Before them come as many clocks without a beat as the headers take.
    """
    width = geometry.width
    beats: list[int | None] = [None] * (HEADERS // width)
    for at in range(known // width * width, len(payload) + 1, width):
        last = at + width > len(payload)
        data = payload[at : at + width]
        beats.append(
            pack(
                payload_beat(geometry),
                data=int.from_bytes(data.ljust(width, b"\n"), "little"),
                mask=(1 << len(data)) - 1,
                offset=at,
                bank=bank,
                first=at == 0,
                last=last,
                info=pack(FrameInfo, **info, joined=known > 0) if last else 0,
            )
        )
    return beats

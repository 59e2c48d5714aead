"""What happens to the tables: loads, swaps and readings, with and without traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amaranth.hdl import Cat, Signal, Value

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import register
from hybridmesh.contract.verdict import SHIM

from .model import Group

if TYPE_CHECKING:
    from .hardware import Rtl

__all__ = ["covers", "groups"]

_EVENTS = (
    *("swap, no frame under way", "swap, one frame under way", "swap, several frames under way"),
    *("swap as a frame begins", "swap as a verdict is given", "swap while one is pending"),
    *("swap right behind another", "swap while a word is read", "swap amid a load"),
    *("write, no frame under way", "write, frames under way", "write refused while pending"),
    *("write refused, no such word", "load begun amid another", "begun, a swap pending"),
    *("frame begins, no table", "frame begins, matching off", "frame begins, matching on"),
    *("verdict under the table before", "several swaps before a verdict"),
)
_WORDS = (
    *("written to bank 0", "written to bank 1", "read from the bank in use"),
    *("read from the spare bank", "read, no frame under way", "read, frames under way"),
)


def groups(geometry: Geometry) -> tuple[Group, ...]:
    width = f"width{geometry.width}"
    return (
        Group(f"{width}_table", "what happens to the tables", {"event": _EVENTS}),
        Group(
            f"{width}_word",
            "how the words of each table memory are used",
            {"space": tuple(space.name for space in geometry.spaces), "use": _WORDS},
        ),
    )


def covers(rtl: Rtl) -> dict[str, Value]:
    width = f"width{rtl.geometry.width}"
    loader, under_way = rtl.part("core.control.loader"), Signal(8)
    rtl.m.d.sync += under_way.eq(under_way + loader.started - loader.judged)
    return {
        f"{width}_table": Cat(_events(rtl, under_way)),
        f"{width}_word": Cat(_words(rtl, under_way)),
    }


def _events(rtl: Rtl, under_way: Value) -> list[Value]:
    m, core = rtl.m, rtl.part("core")
    loader, control = rtl.part("core.control.loader"), rtl.part("core.control")
    started, judged, pending = loader.started, loader.judged, loader.pending
    swap, write = loader.table_commit.w_en, loader.table_data.w_en
    loading, swaps = Signal(), Signal(2)
    with m.If(swap):
        m.d.sync += [loading.eq(0), swaps.eq(swaps + (swaps != 3))]
    with m.Elif(write):
        m.d.sync += loading.eq(1)
    with m.If(judged):
        m.d.sync += swaps.eq(swap)
    refused = rtl.late(core.bus.w_en) & core.bus.w_error
    data_asked = rtl.late(core.bus.w_en & (core.bus.w_address == register("table_data").address))
    enable, epoch = control.context.enable, loader.epoch
    given = rtl.part("core.engine").o
    return [
        swap & (under_way == 0),
        swap & (under_way == 1),
        swap & (under_way > 1),
        swap & started,
        swap & judged,
        swap & pending,
        swap & rtl.late(swap),
        swap & control.ask.en,
        swap & loading,
        write & (under_way == 0),
        write & (under_way != 0),
        refused & data_asked & pending,
        refused & data_asked & ~pending,
        loader.table_begin.w_en & loading,
        loader.table_begin.w_en & pending,
        started & (epoch == 0),
        started & (epoch != 0) & ~enable,
        started & enable,
        given.valid & given.p.insert & (_epoch(given.p.shim) != epoch),
        judged & (swaps > 1),
    ]


def _epoch(shim: Value) -> Value:
    """The epoch in a shim, whose bytes are in the order of the network."""
    field = next(field for field in SHIM.fields if field.name == "epoch")
    end = field.offset + field.bits // 8
    return Cat(shim.word_select(byte, 8) for byte in reversed(range(field.offset, end)))


def _words(rtl: Rtl, under_way: Value) -> list[Value]:
    table, ask = rtl.part("core.control").table, rtl.part("core.control").ask
    bank = rtl.part("core.control.loader").bank
    values: list[Value] = []
    for space in rtl.geometry.spaces:
        written = table.en & (table.space == space.number)
        read = ask.en & ask.done & (ask.space == space.number)
        values += [
            *(written & (table.bank == number) for number in (0, 1)),
            *(read & (ask.bank == used) for used in (bank, ~bank)),
            *(read & amid for amid in (under_way == 0, under_way != 0)),
        ]
    return values

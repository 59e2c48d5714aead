"""The table loader: words for the spare bank, and the swap of the banks between two frames."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.registers import register

from ..layout import TableWrite
from .registers import register_port

__all__ = ["TableLoader"]


class TableLoader(wiring.Component):
    """Fill the spare bank, swap the banks.

    =========  ==================================================  =======
    stage      what happens                                        latency
    =========  ==================================================  =======
    write      a word of ``table_data`` is on ``table``            1
    commit     ``bank`` and ``epoch`` are the new ones             1
    pending    the old bank's frames have their verdicts           theirs
    =========  ==================================================  =======

    A frame takes bank and epoch at its first beat and keeps them, so the banks can be swapped at
    any clock; the old bank is spare once the frames that had begun before have their verdicts.

    Parameters
    ----------
    frames : int
        Frames that can be without a verdict at a time.

    Members
    -------
    table_address, table_data, table_commit, status : register_port
    table : TableWrite
    bank, epoch : out
        What a frame that starts now is matched in.
    started : in
        A frame's first beat is accepted.
    judged : in
        A verdict is given.
    """

    def __init__(self, frames: int) -> None:
        self._frames = frames
        super().__init__(
            {
                **{
                    name: In(register_port(register(name)))
                    for name in ("table_address", "table_data", "table_commit", "status")
                },
                "table": Out(TableWrite),
                "bank": Out(1),
                "epoch": Out(16),
                "started": In(1),
                "judged": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        address = Signal(32)
        under_way = Signal(range(self._frames + 1))  # frames without a verdict
        left = Signal(range(self._frames + 1))  # those of them that began before the commit
        under_way_next = Signal.like(under_way)

        m.d.comb += self.table_address.r_data.word.eq(address)
        with m.If(self.table_address.w_en):
            m.d.sync += address.eq(self.table_address.w_data.word)
        m.d.sync += self.table.en.eq(self.table_data.w_en)
        with m.If(self.table_data.w_en):
            m.d.sync += [
                self.table.bank.eq(~self.bank),
                self.table.space.eq(address[24:]),
                self.table.word.eq(address[:24]),
                self.table.data.eq(self.table_data.w_data.word),
                address.eq(address + 1),
            ]

        m.d.comb += under_way_next.eq(under_way + self.started - self.judged)
        m.d.sync += under_way.eq(under_way_next)
        with m.If(self.table_commit.w_en):
            m.d.sync += [
                self.bank.eq(~self.bank),
                self.epoch.eq(self.table_commit.w_data.epoch),
                left.eq(under_way_next),
            ]
        with m.Elif(self.judged & (left != 0)):
            m.d.sync += left.eq(left - 1)
        m.d.comb += [
            self.status.r_data.epoch.eq(self.epoch),
            self.status.r_data.pending.eq(left != 0),
        ]
        return m

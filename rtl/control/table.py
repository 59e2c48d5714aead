"""The table loader: words for the spare bank, and the swap of the banks between two frames."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import register

from ..layout import TableWrite
from ..pipeline import delayed
from .checksum import BankChecksums
from .registers import register_port

__all__ = ["TableLoader", "table_has"]


def table_has(geometry: Geometry, address: Value) -> Value:
    """Whether a table of *geometry* has a word at *address*, as ``table_address`` takes it."""
    within = [
        (address[24:] == space.number) & _below(address[:24], space.words)
        for space in geometry.spaces
    ]
    return Cat(within).any()


def _below(number: Value, limit: int) -> Value:
    """Whether *number* is less than *limit*, which has few bits set: no carry through all bits."""
    low, high = (limit & -limit).bit_length() - 1, (limit - 1).bit_length()
    within = ~number[high:].any()
    return within & (number[low:high] < limit >> low) if limit & (limit - 1) else within


class TableLoader(wiring.Component):
    """Fill the spare bank, swap the banks.

    =========  ==================================================  ==========
    stage      what happens                                        latency
    =========  ==================================================  ==========
    write      a word of ``table_data`` is on ``table``            1
    sum        the word is in the spare bank's checksum            2
    commit     ``bank`` and ``epoch`` are the new ones             1
    swap       the checksums have changed places                   2
    pending    the old bank's frames have their verdicts           theirs + 1
    =========  ==================================================  ==========

    A frame takes bank and epoch at its first beat and keeps them, so the banks can be swapped at
    any clock; the old bank is spare once the frames that had begun before have their verdicts.
    Until then no word is taken, nor is one ever that the table does not have: the bus answers with
    an error, and nothing happens.

    Parameters
    ----------
    geometry : Geometry
    frames : int
        Frames that can be without a verdict at a time.

    Members
    -------
    table_address, table_data, table_begin, table_commit : register_port
    table_checksum, spare_checksum : register_port
    table : TableWrite
    bank, epoch : out
        What a frame that starts now is matched in.
    pending : out
        A frame that began before the last commit is without its verdict.
    started : in
        A frame's first beat is accepted.
    judged : in
        A verdict is given.
    """

    registers = (
        *("table_address", "table_data", "table_begin", "table_commit"),
        *("table_checksum", "spare_checksum"),
    )

    def __init__(self, geometry: Geometry, frames: int) -> None:
        self._geometry = geometry
        self._frames = frames
        super().__init__(
            {
                **{name: In(register_port(register(name))) for name in self.registers},
                "table": Out(TableWrite),
                "bank": Out(1),
                "epoch": Out(16),
                "pending": Out(1),
                "started": In(1),
                "judged": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._write(m)
        self._commit(m)
        self._sum(m)
        return m

    def _write(self, m: Module) -> None:
        """Whether the table has a word at the address is known as soon as the address is, and which
        one follows, too: a sum of 32 bits is logic enough for a clock."""
        address, following = Signal(32), Signal(32, init=1)
        has = Signal(init=1)  # address 0 is the table's first word
        m.d.comb += [
            self.table_address.r_data.word.eq(address),
            self.table_data.w_refuse.eq(self.pending | ~has),
        ]
        written = self.table_address.w_data.word
        taken = Mux(self.table_address.w_en, written, following)
        with m.If(self.table_address.w_en | self.table_data.w_en):
            m.d.sync += [
                address.eq(taken),
                following.eq(taken + 1),
                has.eq(table_has(self._geometry, taken)),
            ]
        m.d.sync += self.table.en.eq(self.table_data.w_en)
        with m.If(self.table_data.w_en):
            m.d.sync += [
                self.table.bank.eq(~self.bank),
                self.table.space.eq(address[24:]),
                self.table.word.eq(address[:24]),
                self.table.data.eq(self.table_data.w_data.word),
            ]

    def _commit(self, m: Module) -> None:
        """Frames are counted a clock late, and so is it a clock after a commit who is left; in that
        clock the commit is pending."""
        under_way = Signal(range(self._frames + 1))  # frames without a verdict
        left = Signal(range(self._frames + 1))  # those of them that began before the commit
        under_way_next, left_next = Signal.like(under_way), Signal.like(left)
        commit = self.table_commit.w_en
        started, judged, committed = (
            delayed(m, event, 1) for event in (self.started, self.judged, commit)
        )

        m.d.comb += [under_way_next.eq(under_way + started - judged), left_next.eq(left)]
        with m.If(committed):
            m.d.comb += left_next.eq(under_way_next)
        with m.Elif(judged & (left != 0)):
            m.d.comb += left_next.eq(left - 1)
        m.d.sync += [
            under_way.eq(under_way_next),
            left.eq(left_next),
            self.pending.eq((left_next != 0) | commit),
        ]
        with m.If(commit):
            m.d.sync += [self.bank.eq(~self.bank), self.epoch.eq(self.table_commit.w_data.epoch)]

    def _sum(self, m: Module) -> None:
        """Registered first, for the same reason."""
        m.submodules.checksums = checksums = BankChecksums()
        m.d.sync += [
            checksums.valid.eq(self.table_address.w_en | self.table_data.w_en),
            checksums.word.eq(
                Mux(
                    self.table_data.w_en,
                    self.table_data.w_data.word,
                    self.table_address.w_data.word,
                )
            ),
            checksums.begin.eq(self.table_begin.w_en),
            checksums.swap.eq(self.table_commit.w_en),
        ]
        m.d.comb += [
            self.table_checksum.r_data.word.eq(checksums.in_use),
            self.spare_checksum.r_data.word.eq(checksums.spare),
        ]

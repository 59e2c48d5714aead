"""The lease: matching ends with the host that wants it."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.registers import LEASE, MILLISECOND, register

from ..control.registers import RegisterBus, register_port

__all__ = ["Lease"]


class Lease(wiring.Component):
    """Pass the host's words on, and switch matching off where the host does not ask for it again.

    ======  =====================================================  ==================
    stage   what happens                                           latency
    ======  =====================================================  ==================
    bus     what the host writes and reads                         0
    off     ``control`` is written, in a clock that the host       1 behind the end,
            does not use                                           or more
    ======  =====================================================  ==================

    Parameters
    ----------
    millisecond : int
        Clocks, two at least.

    Members
    -------
    i, o : RegisterBus
        From the host, and on to the registers.
    lease : register_port
        That of :data:`~hybridmesh.contract.registers.LEASE`.
    """

    def __init__(self, millisecond: int = MILLISECOND) -> None:
        self._millisecond = millisecond
        super().__init__(
            {"i": In(RegisterBus), "o": Out(RegisterBus), "lease": In(register_port(LEASE))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o, lease = self.i, self.o, self.lease
        left = Signal(LEASE.field("left").width)
        clocks = Signal(range(self._millisecond), init=self._millisecond - 1)
        due = Signal()  # the last one of a millisecond
        ended = Signal()  # and matching is not off yet

        m.d.comb += [
            o.w_en.eq(i.w_en | ended),
            o.w_address.eq(Mux(i.w_en, i.w_address, register("control").address)),
            o.w_data.eq(Mux(i.w_en, i.w_data, 0)),
            i.w_error.eq(o.w_error),
            o.r_en.eq(i.r_en),
            o.r_address.eq(i.r_address),
            i.r_data.eq(o.r_data),
            i.r_error.eq(o.r_error),
            lease.r_data.left.eq(left),
        ]
        with m.If(~i.w_en):
            m.d.sync += ended.eq(0)
        m.d.sync += [
            clocks.eq(Mux(due, self._millisecond - 1, clocks - 1)),
            due.eq(clocks == 1),
        ]
        with m.If(lease.w_en):
            m.d.sync += [
                *(left.eq(lease.w_data.left), clocks.eq(self._millisecond - 1)),
                due.eq(0),
            ]
        with m.Elif(due & (left != 0)):
            m.d.sync += [left.eq(left - 1), ended.eq(left == 1)]
        return m

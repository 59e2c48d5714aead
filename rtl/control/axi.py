"""AXI4-Lite in front of the register bus (Arm IHI 0022, AXI4-Lite)."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, Signature

from hybridmesh.contract.registers import ADDRESS_BITS

from ..stream import RegisterSlice
from .registers import RegisterBus

__all__ = ["OKAY", "SLVERR", "AxiLite", "AxiLiteBridge"]

OKAY, SLVERR = 0b00, 0b10

AxiLite = Signature(
    {
        "awaddr": Out(ADDRESS_BITS),
        "awvalid": Out(1),
        "awready": In(1),
        "wdata": Out(32),
        "wstrb": Out(4),
        "wvalid": Out(1),
        "wready": In(1),
        "bresp": In(2),
        "bvalid": In(1),
        "bready": Out(1),
        "araddr": Out(ADDRESS_BITS),
        "arvalid": Out(1),
        "arready": In(1),
        "rdata": In(32),
        "rresp": In(2),
        "rvalid": In(1),
        "rready": Out(1),
    }
)
"""AXI4-Lite as its manager drives it, members under their names in the specification; no AxPROT,
which no register looks at.
"""


class AxiLiteBridge(wiring.Component):
    """AXI4-Lite to the register bus.

    ======  ====================================================  =======
    stage   what happens                                          latency
    ======  ====================================================  =======
    write   address and data are taken together; response         2
    read    address is taken; data and response                   2
    ======  ====================================================  =======

    A word per clock to be written, one every other clock read, while the manager takes the
    responses.  A write of less than a word is SLVERR, as is what the bus calls an error.

    Members
    -------
    axi : AxiLite
    bus : RegisterBus
    """

    axi: In(AxiLite)
    bus: Out(RegisterBus)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        axi, bus = self.axi, self.bus
        write = Signal()
        whole, written, done = Signal(), Signal(), Signal()
        m.submodules.response = response = RegisterSlice(2)
        answer = response.i

        # a write is taken where its response has a place in the next clock
        held = answer.valid & axi.bvalid & ~axi.bready
        m.d.comb += [
            write.eq(axi.awvalid & axi.wvalid & answer.ready & ~held),
            whole.eq(axi.wstrb == 0b1111),
            axi.awready.eq(write),
            axi.wready.eq(write),
            bus.w_en.eq(write & whole),
            bus.w_address.eq(axi.awaddr),
            bus.w_data.eq(axi.wdata),
            answer.valid.eq(written),
            answer.payload.eq(Mux(done & ~bus.w_error, OKAY, SLVERR)),
            axi.bvalid.eq(response.o.valid),
            axi.bresp.eq(response.o.payload),
            response.o.ready.eq(axi.bready),
        ]
        m.d.sync += [written.eq(write), done.eq(whole)]

        asked = Signal()
        m.d.comb += [
            axi.arready.eq(~asked & (~axi.rvalid | axi.rready)),
            bus.r_en.eq(axi.arvalid & axi.arready),
            bus.r_address.eq(axi.araddr),
            axi.rdata.eq(bus.r_data),
            axi.rresp.eq(Mux(bus.r_error, SLVERR, OKAY)),
        ]
        m.d.sync += asked.eq(bus.r_en)
        with m.If(asked):
            m.d.sync += axi.rvalid.eq(1)
        with m.Elif(axi.rready):
            m.d.sync += axi.rvalid.eq(0)
        return m

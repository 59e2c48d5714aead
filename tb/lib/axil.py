"""AXI4-Lite manager: words to and from registers, running ahead of the responses."""

from collections.abc import Iterator, Sequence
from typing import Any

from cocotb.triggers import RisingEdge

from hybridmesh.contract.registers import register

__all__ = ["AxiLite"]

OKAY = 0
PATIENCE = 1000


class AxiLite:
    """The bus of *dut* whose signals begin with *prefix*.

    It sits out clocks, with each valid and each ready of its own, as *pause* says.
    """

    def __init__(self, dut: Any, prefix: str, pause: Iterator[bool]) -> None:
        self._edge = RisingEdge(dut.clk)
        self._pause = pause
        for name in ("awaddr", "awvalid", "wdata", "wstrb", "wvalid", "bready", "bvalid", "bresp"):
            setattr(self, name, getattr(dut, f"{prefix}{name}"))
        for name in ("awready", "wready", "araddr", "arvalid", "arready", "rready"):
            setattr(self, name, getattr(dut, f"{prefix}{name}"))
        for name in ("rvalid", "rdata", "rresp"):
            setattr(self, name, getattr(dut, f"{prefix}{name}"))
        for signal in (self.awvalid, self.wvalid, self.bready, self.arvalid, self.rready):
            signal.value = 0

    async def write(
        self, address: int, words: Sequence[int], *, strobe: int = 0b1111, response: int = OKAY
    ) -> None:
        """Write all of *words* to *address*; each must be answered by *response*."""
        addressed = written = answered = 0
        aw, w = _Offer(self.awvalid, self.awready), _Offer(self.wvalid, self.wready)
        self.awaddr.value = address
        self.wstrb.value = strobe
        for _ in range(PATIENCE + 20 * len(words)):
            if answered == len(words):
                break
            aw.make(addressed < len(words) and not next(self._pause))
            if written < len(words):
                self.wdata.value = int(words[written])
            w.make(written < len(words) and not next(self._pause))
            ready = not next(self._pause)
            self.bready.value = ready
            await self._edge
            addressed += aw.taken()
            written += w.taken()
            if ready and self.bvalid.value:
                assert int(self.bresp.value) == response, f"write to 0x{address:03x}"
                answered += 1
        self.bready.value = 0
        assert answered == len(words), f"no answer to a write to 0x{address:03x}"

    async def read(self, address: int, *, response: int = OKAY) -> int:
        """The word at *address*; it must come with *response*."""
        addressed = False
        ar = _Offer(self.arvalid, self.arready)
        self.araddr.value = address
        for _ in range(PATIENCE):
            ar.make(not addressed and not next(self._pause))
            ready = not next(self._pause)
            self.rready.value = ready
            await self._edge
            addressed = addressed or ar.taken()
            if ready and self.rvalid.value:
                self.rready.value = 0
                assert int(self.rresp.value) == response, f"read of 0x{address:03x}"
                return int(self.rdata.value)
        raise AssertionError(f"no answer to a read of 0x{address:03x}")

    async def put(self, name: str, *words: int) -> None:
        """Write *words* to the register *name*."""
        await self.write(register(name).address, words)

    async def get(self, name: str) -> int:
        """The register *name*."""
        return await self.read(register(name).address)


class _Offer:
    """A valid that, once high, stays until it is taken."""

    def __init__(self, valid: Any, ready: Any) -> None:
        self._valid = valid
        self._ready = ready
        self._high = False

    def make(self, wanted: bool) -> None:
        self._high = self._high or wanted
        self._valid.value = self._high

    def taken(self) -> bool:
        if self._high and self._ready.value:
            self._high = False
            self._valid.value = 0
            return True
        return False

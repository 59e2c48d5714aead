"""The block RAM DP16KD as Lattice FPGA-TN-02204 describes it, for Amaranth's simulator.

It takes the arguments of an ``Instance`` and reads its pins by number, so that it stands for the
block under a component that wires it wrongly as well.  Modelled is what the NIC uses: port A
writes, port B reads, output registers, no reset.
"""

from collections.abc import Iterator
from typing import Any

from amaranth.hdl import Cat, Const, Elaboratable, Module, Signal, Value, unsigned
from amaranth.lib.memory import Memory

__all__ = ["Dp16kd"]

PINS = {
    f"{name}{port}{number}"
    for port in "AB"
    for name, count in {"DI": 18, "AD": 14, "DO": 18, "CS": 3}.items()
    for number in range(count)
} | {f"{name}{port}" for port in "AB" for name in ("CLK", "CE", "OCE", "WE", "RST")}


class Dp16kd(Elaboratable):
    """Stands for ``Instance("DP16KD", ...)``."""

    def __init__(self, kind: str, **arguments: Any) -> None:
        assert kind == "DP16KD"
        self._parameters = {k[2:]: v for k, v in arguments.items() if k.startswith("p_")}
        self._inputs = {k[2:]: Value.cast(v) for k, v in arguments.items() if k.startswith("i_")}
        self._outputs = {k[2:]: Value.cast(v) for k, v in arguments.items() if k.startswith("o_")}
        assert len(arguments) == sum(map(len, (self._parameters, self._inputs, self._outputs)))
        assert {*self._inputs, *self._outputs} <= PINS

    def elaborate(self, platform: object) -> Module:
        m = Module()
        parameters, pin = self._parameters, self._inputs
        width = parameters["DATA_WIDTH_A"]
        assert parameters["DATA_WIDTH_B"] == width in (9, 18, 36)
        assert parameters["REGMODE_A"] == parameters["REGMODE_B"] == "OUTREG"
        for name in ("WEA", "OCEA", "OCEB", "CEB"):
            assert pin[name].value == 1
        for name in ("WEB", "RSTA", "RSTB", *(f"CS{p}{n}" for p in "AB" for n in range(3))):
            assert pin[name].value == 0

        w_domain, r_domain = (pin[f"CLK{port}"].domain for port in "AB")

        # 2048 entries of nine bits; where 18 or 36 are used, two or four that follow each other.
        # The address pins count bits, a power of two for each nine: pin 3 counts entries.
        granules = width // 9
        w_address, r_address = self._bus("ADA", 14), self._bus("ADB", 14)
        written = self._bus("DIA", 18, 18) if width < 36 else Cat(*self._halves())
        m.submodules.memory = memory = Memory(shape=unsigned(9), depth=2048, init=[])
        latch = []
        for n in range(granules):
            write, read = memory.write_port(domain=w_domain), memory.read_port(domain=r_domain)
            enabled = w_address[n] if granules > 1 else Const(1)
            m.d.comb += [
                write.addr.eq(w_address[3:] & ~(granules - 1) | n),
                write.data.eq(written.word_select(n, 9)),
                write.en.eq(pin["CEA"] & enabled),
                read.addr.eq(r_address[3:] & ~(granules - 1) | n),
                read.en.eq(1),
            ]
            latch.append(read.data)
        register = Signal(width)
        m.d[r_domain] += register.eq(Cat(latch))
        # The wide port's low half comes out of port A's pins.
        low = {"DOA": register[:18], "DOB": register[18:]} if width == 36 else {"DOB": register}
        for name, value in self._outputs.items():
            m.d.comb += value.eq(low[name[:3]][int(name[3:])])
        return m

    def _bus(self, name: str, bits: int, default: int | None = None) -> Value:
        return Cat(self._inputs.get(f"{name}{n}", Const(0, 1)) for n in range(bits))

    def _halves(self) -> Iterator[Value]:
        yield self._bus("DIA", 18)
        yield self._bus("DIB", 18)

"""Start of a board: what runs when, with stand-ins for what Amaranth does not simulate."""

import pytest
from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.sim import Simulator, SimulatorContext

from hybridmesh.platforms.boards import startup
from hybridmesh.platforms.ecp5.clocks import Pll


class Gate(Elaboratable):
    """A gate by logic: short pulses do not matter here."""

    def __init__(self) -> None:
        self.i, self.run, self.o = Signal(), Signal(), Signal()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.o.eq(self.i & self.run)
        return m


class Through(Pll):
    """The same clock, always locked."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += [self.o.eq(self.i), self.locked.eq(1)]
        return m


CLOCKS = ("sync_clk", "wire_rx_clk", "host_rx_clk")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[tuple[int, ...]]]:
    """Clocks of a unit; and PHYs' reset and the three clocks in each clock of the oscillator."""
    monkeypatch.setattr(startup, "Pll", Through)
    monkeypatch.setattr(startup, "Gate", Gate)
    monkeypatch.setattr(startup, "Instance", lambda kind, **ports: Module())
    monkeypatch.setattr(startup, "RESET_US", 1)
    dut = startup.Startup(25)
    samples = []

    async def bench(ctx: SimulatorContext) -> None:
        assert ctx.get(dut.phy_rst), "as it is configured"
        for _ in range(4 * dut.unit):
            for level in (0, 1):
                for clock in (dut.clk, dut.wire_rx, dut.host_rx):
                    ctx.set(clock, level)
                await ctx.delay(4e-9)
            samples.append(tuple(ctx.get(getattr(dut, name)) for name in ("phy_rst", *CLOCKS)))

    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()
    return dut.unit, samples


def test_phys_are_in_reset_from_the_first_clock_on_for_long_enough(seen):
    unit, samples = seen
    resets = [sample[0] for sample in samples]
    assert unit >= 25, "a microsecond"
    assert resets == [1] * unit + [0] * (len(samples) - unit)


def test_all_clocks_begin_together_when_the_phys_have_come_up(seen):
    unit, samples = seen
    running = [sample[1:] for sample in samples]
    begins = running.index((1, 1, 1))
    assert begins >= 3 * unit
    assert set(running[:begins]) == {(0, 0, 0)}
    assert set(running[begins:]) == {(1, 1, 1)}


def test_the_reset_lasts_ten_milliseconds_on_the_boards():
    for mhz in (25, 100):
        assert startup.Startup(mhz).unit / (mhz * 1000) >= 10


def test_an_oscillator_that_the_pll_cannot_take_is_refused():
    with pytest.raises(ValueError, match="multiples of 25 MHz, not 40"):
        Pll(40)

"""The lights: what lasts a clock is seen for longer, what lasts is seen as long as it does."""

import pytest
from streambench import simulate

from hybridmesh.rtl.board.lights import LIGHTS, Lights

HELD = 16


def shown_after(light: str, clocks: range) -> list[int]:
    """For how many clocks *light* is on, after an event of one clock in each of *clocks*."""
    lengths = []

    async def test(ctx) -> None:
        for clock in clocks:
            await ctx.tick().repeat(clock + 3 * HELD)
            ctx.set(lights.i[light], 1)
            await ctx.tick()
            ctx.set(lights.i[light], 0)
            others = [name for name in LIGHTS if name != light]
            on = 0
            while ctx.get(lights.o[light]):
                assert not any(ctx.get(lights.o[name]) for name in others)
                on += 1
                await ctx.tick()
            lengths.append(on)

    lights = Lights(HELD)
    simulate(lights, test)
    return lengths


@pytest.mark.parametrize("light", list(LIGHTS))
def test_what_lasts_a_clock_is_seen_from_the_next_one_for_half_of_the_time_at_least(light):
    lengths = shown_after(light, range(HELD))
    assert HELD // 2 <= min(lengths) <= max(lengths) <= HELD + 1


def test_events_again_and_again_are_one_light_up_to_the_end_of_the_last():
    lights = Lights(HELD)

    async def test(ctx) -> None:
        assert not ctx.get(lights.o.hit)
        for _ in range(20):
            ctx.set(lights.i.hit, 1)
            await ctx.tick()
            ctx.set(lights.i.hit, 0)
            for _ in range(HELD // 2):
                assert ctx.get(lights.o.hit)
                await ctx.tick()
        await ctx.tick().repeat(HELD)
        assert not ctx.get(lights.o.hit)

    simulate(lights, test)


def test_what_lasts_is_seen_as_long_as_it_does():
    lights = Lights(HELD)

    async def test(ctx) -> None:
        ctx.set(lights.i.link, 1)
        await ctx.tick()
        for _ in range(5 * HELD):
            assert ctx.get(lights.o.link)
            await ctx.tick()
        ctx.set(lights.i.link, 0)
        await ctx.tick().repeat(HELD + 1)
        assert not ctx.get(lights.o.link)

    simulate(lights, test)

"""Conditions on roles of earlier bytes, as no grammar of today would ask for them."""

import pytest
from streambench import simulate

from hybridmesh.contract.grammar import ANY, Condition, Role
from hybridmesh.rtl.http.conditions import Conditions

WIDTH = 2
VALUE_THEN_METHOD = Condition(roles=(frozenset({Role.VALUE}), frozenset({Role.METHOD})))
METHOD_OR_BEYOND = Condition(roles=(frozenset({Role.METHOD, Role.DONE}),))


def _found(condition: Condition, beats: list[dict]) -> int:
    """Lanes of the last of *beats* where the condition holds."""
    dut = Conditions([[condition]], [(ANY,)], WIDTH)
    found = []

    async def testbench(ctx) -> None:
        for beat in beats:
            ctx.set(dut.valid, beat.get("valid", 1))
            ctx.set(dut.first, beat.get("first", 0))
            ctx.set(dut.mask, beat["mask"])
            for role, lanes in enumerate(dut.roles):
                ctx.set(lanes, sum((r == role) << n for n, r in enumerate(beat["roles"])))
            await ctx.tick()
        await ctx.tick()
        found.append(ctx.get(dut.o[0]))

    simulate(dut, testbench)
    return found[0]


METHODS = (Role.METHOD, Role.METHOD)
VALUES = (Role.VALUE, Role.VALUE)


@pytest.mark.parametrize(
    ("beats", "lanes"),
    [
        pytest.param([{"mask": 3, "roles": (Role.VALUE, Role.METHOD)}], 0b10, id="in-a-beat"),
        pytest.param(
            [{"mask": 3, "roles": VALUES}, {"mask": 3, "roles": METHODS}], 0b01, id="across-beats"
        ),
        pytest.param(
            [
                {"mask": 3, "roles": VALUES},
                {"mask": 3, "roles": METHODS, "valid": 0, "first": 1},
                {"mask": 3, "roles": METHODS},
            ],
            0b01,
            id="across-an-idle-clock",
        ),
        pytest.param(
            [{"mask": 3, "roles": VALUES}, {"mask": 3, "roles": METHODS, "first": 1}],
            0,
            id="not-across-frames",
        ),
        pytest.param(
            [{"mask": 1, "roles": VALUES}, {"mask": 3, "roles": METHODS}], 0, id="not-beyond-a-mask"
        ),
    ],
)
def test_a_role_of_the_byte_before_is_found(beats: list[dict], lanes: int) -> None:
    assert _found(VALUE_THEN_METHOD, beats) == lanes


def test_nothing_holds_beyond_the_head_whatever_is_asked() -> None:
    beat = {"mask": 3, "roles": (Role.METHOD, Role.DONE)}
    assert _found(METHOD_OR_BEYOND, [beat]) == 0b01

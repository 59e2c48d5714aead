"""What the host tells of connections: when it comes to the guard, and how far from what frames do.

The guard's answers to both are the matter of ``tb/flow_guard``.
"""

import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from hybridmesh.rtl.flow.told import ToldHeads

LEAD = 7
HASH, SYN = 0x12345678, 0xFFFFFFFF
FLOW = 0x9ABCDEF0


def heard(
    apart: int, *, announced: tuple[int, ...] = (), told: int | None = 10, reset: int | None = None
) -> tuple[list[tuple[int, int, int, int]], list[int]]:
    """Messages on ``o``: clock, opens, flow, seq; and the clocks in which ``telling`` is high.

    A frame's message is *announced* in each of these clocks; the host tells of ``HASH`` in clock
    *told*; *reset* is high in this clock.
    """
    dut, restart = ToldHeads(LEAD, apart), Signal()
    came, telling = [], []

    async def testbench(ctx) -> None:
        ctx.set(dut.flow_hash.w_data.word, HASH)
        for clock in range(60):
            ctx.set(restart, clock == reset)
            ctx.set(dut.coming, clock in announced)
            ctx.set(dut.i.valid, clock - LEAD in announced)
            ctx.set(dut.i.p, {"payload": 1, "flow": FLOW, "seq": 7})
            ctx.set(dut.flow_hash.w_en, told is not None and clock == told - 1)
            ctx.set(dut.flow_syn.w_en, clock == told)
            ctx.set(dut.flow_syn.w_data.word, SYN if clock == told else 0)
            await ctx.tick()
            if ctx.get(dut.o.valid):
                said = ctx.get(dut.o.p)
                came.append((clock + 1, said.opens, said.flow, said.seq))
            if ctx.get(dut.telling):
                telling.append(clock + 1)
                assert ctx.get(dut.flow_hash.w_refuse)
                assert ctx.get(dut.flow_syn.w_refuse)
            if reset is None:
                assert ctx.get(dut.flow_hash.r_data.word) == (HASH if told and clock >= 9 else 0)

    simulator = Simulator(ResetInserter(restart)(dut))
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return came, telling


@pytest.mark.parametrize("apart", [1, 5])
def test_it_comes_as_a_syn_three_clocks_after_it_was_written(apart: int) -> None:
    came, telling = heard(apart)
    assert came == [(13, 1, HASH, SYN)]
    assert telling == [11, 12]


def test_a_frames_message_passes_in_one_clock() -> None:
    came, telling = heard(5, announced=(3, 12), told=None)
    assert came == [(11, 0, FLOW, 7), (20, 0, FLOW, 7)]
    assert not telling


@pytest.mark.parametrize("apart", [1, 2, 5])
def test_it_keeps_away_from_the_messages_of_frames_and_waits_no_longer_than_that(
    apart: int,
) -> None:
    waits = []
    for announced in range(25):
        came, _ = heard(apart, announced=(announced,))
        clocks = {opens: clock for clock, opens, _, _ in came}
        assert len(came) == 2
        assert clocks[0] == announced + LEAD + 1
        assert abs(clocks[1] - clocks[0]) >= apart
        waits.append(clocks[1] - 13)
        assert waits[-1] in (0, clocks[0] + apart - 13)
    assert waits.count(0) == 25 - (2 * apart - 1)


def test_between_two_messages_it_waits_for_a_place_that_is_wide_enough() -> None:
    frames = tuple(range(0, 27, 9))  # one clock too close for five clocks on either side
    came, telling = heard(5, announced=(*frames, frames[-1] + 10))
    (told,) = (clock for clock, opens, _, _ in came if opens)
    assert told == frames[-1] + LEAD + 1 + 5
    assert telling == list(range(11, told))


def test_a_reset_forgets_it_or_comes_too_late() -> None:
    frame, told = [0, FLOW, 7], [1, HASH, SYN]
    for reset in range(10, 30):
        came, telling = heard(5, announced=(8,), reset=reset)
        said = [message for _, *message in came]
        assert said in ([], [frame], [told], [frame, told])
        assert (told in said) == (reset > 20)
        assert len(telling) <= 10


def test_a_lead_that_is_too_short_is_an_error() -> None:
    with pytest.raises(ValueError, match="5 clocks before a message are too few"):
        ToldHeads(5, 5)
    ToldHeads(6, 5)

"""Admission: a frame begins only where its verdict has a place, and then goes on to its end."""

from streambench import packet_beats, simulate

from hybridmesh.rtl.frame.admission import Admission


def test_a_frame_waits_for_a_place_and_one_that_has_begun_does_not() -> None:
    admission = Admission(1, frames=2)
    taken, started = [], []

    async def testbench(ctx) -> None:
        ctx.set(admission.o.ready, 1)
        beats = packet_beats(b"abc", 1) * 3
        for clock in range(16):
            ctx.set(admission.i.valid, 1)
            ctx.set(admission.i.payload, beats[len(taken)])
            ctx.set(admission.released, clock == 9)
            _, _, ready, valid, begins = await ctx.tick().sample(
                admission.i.ready, admission.o.valid, admission.started
            )
            assert ready == valid
            if ready:
                taken.append(clock)
            if begins:
                started.append(clock)
            if len(taken) == len(beats):
                break

    simulate(admission, testbench)
    assert taken == [0, 1, 2, 3, 4, 5, 10, 11, 12]
    assert started == [0, 3, 10]


def test_a_stalled_first_beat_starts_its_frame_once() -> None:
    admission = Admission(1, frames=2)
    started = []

    async def testbench(ctx) -> None:
        (beat,) = packet_beats(b"a", 1)
        ctx.set(admission.i.valid, 1)
        ctx.set(admission.i.payload, beat)
        for clock in range(6):
            ctx.set(admission.o.ready, clock == 4)
            ctx.set(admission.i.valid, clock <= 4)
            started.append((await ctx.tick().sample(admission.started))[2])

    simulate(admission, testbench)
    assert started == [0, 0, 0, 0, 1, 0]

"""What one beat says of a head: the lanes of its marks, rules and methods reduced to numbers."""

from amaranth.hdl import Cat, Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import Mark
from hybridmesh.contract.verdict import Reason

from ..layout import FrameInfo, lexed_beat
from .lanes import lane_number, several

__all__ = ["PLACES", "BeatFacts", "Said", "beat_facts"]

PLACES: dict[str, tuple[Mark, int]] = {
    "path_start": (Mark.PATH_START, 0),
    "path_end": (Mark.PATH_END, 0),
    "host_start": (Mark.HOST_START, 0),
    "host_end": (Mark.HOST_END, 0),
    "head_end": (Mark.HEAD_END, 1),
}
"""Marks whose place counts, and the bytes from there to the place that is meant.

Where such a mark comes twice in a beat, its number is of no lane: such a head breaks a rule.
"""

Said = data.StructLayout(
    {
        "seen": data.StructLayout(dict.fromkeys(PLACES, 1)),
        "host_again": 1,  # a second Host field begins
        "length": 1,  # a Content-Length begins
        "coding": 1,  # a Transfer-Encoding begins
        "framing_again": 1,  # a second one of these two begins
        "chunked": 1,  # a Transfer-Encoding is just "chunked"
        "touch": 1,  # a field that a proxy must interpret, or a Connection but for keep-alive
        "http_1_0": 1,
        "token": 1,  # the payload begins as a request may
        "more": 1,  # payload beyond the head
        "rules": len(Reason),  # by reason, a rule with it holds
        "method": 4,  # code of the method
    }
)
"""What is so of a head as soon as it is so of one of its beats."""

GROUP = 8
"""Lanes whose field lines are counted in one clock."""


def beat_facts(width: int) -> data.StructLayout:
    """Facts of one beat of *width* bytes, taken by itself.

    Members
    -------
    first, last, bank, offset, info
        As in the beat.
    payload : 1
        Some lane holds payload.
    said : Said
    lane : struct by :data:`PLACES`
        The lane of the mark, and the bytes beyond it.
    lines : array
        By group of lanes, the number of field lines that begin there.
    """
    return data.StructLayout(
        {
            "first": 1,
            "last": 1,
            "bank": 1,
            "offset": 16,
            "info": FrameInfo,
            "payload": 1,
            "said": Said,
            "lane": data.StructLayout(dict.fromkeys(PLACES, width.bit_length())),
            "lines": data.ArrayLayout(min(width, GROUP).bit_length(), -(-width // GROUP)),
        }
    )


class BeatFacts(wiring.Component):
    """Reduce the lanes of every beat.

    ======  ==================================================  =======
    stage   what happens                                        latency
    ======  ==================================================  =======
    o       lanes ORed, numbered, counted by groups, in trees   1
    ======  ==================================================  =======

    Parameters
    ----------
    geometry : Geometry

    Members
    -------
    i : stream of lexed_beat, always ready
    o : stream of beat_facts, always ready
    """

    latency = 1

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(lexed_beat(geometry), always_ready=True)),
                "o": Out(stream.Signature(beat_facts(geometry.width), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        i, o = self.i.p, self.o.p
        marks = i.marks
        m.d.sync += self.o.valid.eq(self.i.valid)
        m.d.sync += [o[name].eq(i[name]) for name in ("first", "last", "bank", "offset", "info")]
        m.d.sync += o.payload.eq(i.mask.any())

        lengths, codings = marks[Mark.LENGTH_START], marks[Mark.CODING_START]
        closing = marks[Mark.CONNECTION_END] & ~marks[Mark.KEEP_ALIVE]
        said = {
            "host_again": several(marks[Mark.HOST_START]),
            "length": lengths.any(),
            "coding": codings.any(),
            "framing_again": several(lengths | codings),
            "chunked": marks[Mark.CHUNKED].any(),
            "touch": (marks[Mark.TOUCHING] | closing).any(),
            "http_1_0": marks[Mark.HTTP_1_0].any(),
            "token": i.token.any(),
            "more": (marks[Mark.HEAD_END] << 1 & i.mask).any(),
            "rules": Cat(lanes.any() for lanes in i.rules),
            "method": Cat(lanes.any() for lanes in i.methods),
        }
        m.d.sync += [o.said[name].eq(value) for name, value in said.items()]
        for name, (mark, beyond) in PLACES.items():
            m.d.sync += o.said.seen[name].eq(marks[mark].any())
            m.d.sync += o.lane[name].eq(lane_number(marks[mark], beyond))
        for group, lines in enumerate(o.lines):
            m.d.sync += lines.eq(sum(marks[Mark.LINE_START][GROUP * group :][:GROUP]))
        return m

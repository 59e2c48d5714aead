"""The head lexer: what the grammar says of every byte, one beat per clock at any width.

It runs :mod:`hybridmesh.contract.grammar` and knows nothing of HTTP beyond it: windows of bytes
first, the two machines by parallel prefix, then the conditions over both.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import (
    LINE,
    MARKS,
    METHODS,
    ROLE,
    RULES,
    START,
    TCHAR,
    Condition,
    Mark,
    Pattern,
)
from hybridmesh.contract.verdict import Reason

from ..layout import lexed_beat, payload_beat
from .conditions import Conditions
from .machine import PrefixMachine
from .windows import Windows

__all__ = ["Lexer"]

TOKEN = Condition((frozenset({START}), TCHAR))
"""The payload's first byte, where a request may begin with it."""


class Lexer(wiring.Component):
    """Lex the TCP payload of each frame as a request head.

    ==========  ====================================================  ===============
    stage       what happens                                          latency
    ==========  ====================================================  ===============
    symbols     of the machines, by patterns of bytes, in every lane  2
    machines    role and line of every lane                           5 + log2(width)
    windows     other patterns of bytes in every lane                 5 + log2(width)
    o           marks, rules and methods of every lane                7 + log2(width)
    ==========  ====================================================  ===============

    The bytes wait for the machines, not the windows, of which there are many more.

    Members
    -------
    i : stream of payload_beat, always ready
    o : stream of lexed_beat, always ready
        Each beat of ``i``, with what the grammar says of its bytes.

    Attributes
    ----------
    latency : int
        Clocks from a beat of ``i`` to the same of ``o``.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._machines = {
            "role": PrefixMachine(ROLE, geometry.width),
            "line": PrefixMachine(LINE, geometry.width),
        }
        self._machines_at = Windows.latency + self._machines["role"].latency
        self.latency = self._machines_at + Conditions.latency
        super().__init__(
            {
                "i": In(stream.Signature(payload_beat(geometry), always_ready=True)),
                "o": Out(stream.Signature(lexed_beat(geometry), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self._geometry.width

        s_valid, s_beat = [self.i.valid], [self.i.p]  # by stage
        for _ in range(self.latency):
            valid = Signal()
            beat = Signal(payload_beat(self._geometry), reset_less=True)
            m.d.sync += [valid.eq(s_valid[-1]), beat.eq(s_beat[-1])]
            s_valid.append(valid)
            s_beat.append(beat)

        def windows(name: str, patterns: Iterable[Pattern], at: int) -> dict[Pattern, Value]:
            """By pattern, the lanes that match, from the bytes of stage *at*."""
            patterns = tuple(dict.fromkeys(patterns))
            m.submodules[name] = part = Windows(patterns, width)
            m.d.comb += [
                part.valid.eq(s_valid[at]),
                part.first.eq(s_beat[at].first),
                part.last.eq(s_beat[at].last),
                part.data.eq(s_beat[at].data),
                part.mask.eq(s_beat[at].mask),
            ]
            return dict(zip(patterns, part.o, strict=True))

        symbols = [symbol.pattern for machine in (ROLE, LINE) for symbol in machine.symbols]
        matched = windows("symbols", symbols, 0)
        at = Windows.latency
        for name, description in (("role", ROLE), ("line", LINE)):
            m.submodules[name] = machine = self._machines[name]
            m.d.comb += [
                machine.mask.eq(s_beat[at].mask & s_valid[at].replicate(width)),
                machine.first.eq(s_beat[at].first & s_valid[at]),
                machine.last.eq(s_beat[at].last & s_valid[at]),
            ]
            for lanes, symbol in zip(machine.symbols, description.symbols, strict=True):
                m.d.comb += lanes.eq(matched[symbol.pattern])

        at = self._machines_at
        asked = _asked()
        matched = windows("windows", _patterns(asked), at - Windows.latency)
        m.submodules.conditions = conditions = Conditions(asked, tuple(matched), width)
        m.d.comb += [
            conditions.valid.eq(s_valid[at]),
            conditions.first.eq(s_beat[at].first),
            conditions.last.eq(s_beat[at].last),
            conditions.mask.eq(s_beat[at].mask),
        ]
        for ports, sources in (
            (conditions.windows, matched.values()),
            (conditions.roles, self._machines["role"].o),
            (conditions.lines, self._machines["line"].o),
        ):
            m.d.comb += [port.eq(source) for port, source in zip(ports, sources, strict=True)]

        o, beat = self.o.p, s_beat[-1]
        said = [*o.marks, *o.rules, *o.methods, o.token]
        m.d.comb += self.o.valid.eq(s_valid[-1])
        m.d.comb += [o[name].eq(beat[name]) for name in payload_beat(self._geometry).members]
        m.d.comb += [lanes.eq(found) for lanes, found in zip(said, conditions.o, strict=True)]
        return m


def _asked() -> list[tuple[Condition, ...]]:
    """What is said of a lane, in the order of ``lexed_beat``: each where one of these holds."""
    by_reason = [tuple(r.condition for r in RULES if r.reason is reason) for reason in Reason]
    by_bit = [tuple(c for method, c in METHODS.items() if method >> bit & 1) for bit in range(4)]
    return [*(MARKS[mark] for mark in Mark), *by_reason, *by_bit, (TOKEN,)]


def _patterns(asked: Iterable[Iterable[Condition]]) -> Iterator[Pattern]:
    """The patterns of all conditions."""
    for condition in chain.from_iterable(asked):
        yield condition.pattern
        yield from condition.unless

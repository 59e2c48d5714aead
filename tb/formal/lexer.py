"""Proof of the lexer: it says of every byte what the grammar says, read byte by byte.

The grammar is read here a second time, in the plainest way: the bytes before are remembered, and
every condition is looked up in them.
"""

from collections.abc import Sequence

from amaranth.hdl import Array, Assert, Assume, C, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import (
    ANY,
    LINE,
    LOOK_BACK,
    MARKS,
    METHODS,
    ROLE,
    RULES,
    START,
    TCHAR,
    Condition,
    Line,
    Machine,
    Mark,
    Pattern,
    Role,
)
from hybridmesh.contract.verdict import Reason

from .proof import Fault, Proof, Spec, past

__all__ = ["PROOFS"]

_HEAD = frozenset(Role) - {Role.DONE}
_STATE = data.StructLayout({"role": range(len(Role)), "line": range(len(Line))})
_BYTE = data.StructLayout({"some": 1, "byte": 8, **_STATE.members})
"""A byte that came, if one did, and where in the head it stood."""


class Grammar(Spec):
    """Marks, rules, methods and the token of every lane are the grammar's."""

    def __init__(self, lexer: wiring.Component, width: int) -> None:
        super().__init__()
        self.lexer = lexer
        self.width = width
        self._members: dict[tuple[str, frozenset[int]], Value] = {}

    def claim(self, m: Module) -> None:
        m.submodules.lexer = lexer = self.lexer
        i, o, width = lexer.i, lexer.o, self.width
        valid, first, last = (self.free(1, name) for name in ("valid", "first", "last"))
        bytes_, mask = self.free(8 * width, "bytes"), self.free(width, "mask")
        begun = Signal()  # a head, and its first beat will not come again
        with m.If(valid & first):
            m.d.sync += begun.eq(~last)
        m.d.comb += [
            i.valid.eq(valid),
            i.p.data.eq(bytes_),
            i.p.mask.eq(mask),
            i.p.first.eq(first),
            i.p.last.eq(last),
            # as the joiner gives it: full beats, then one that is not
            Assume(Mux(last, ~(mask & (mask + 1)).any() & ~mask.all(), mask.all())),
            Assume(~valid | first | begun),
        ]
        before = [Signal(_BYTE, name=f"before{n}") for n in range(LOOK_BACK)]
        state = Signal(_STATE)
        history = [self._fresh(m, byte, first, f"kept{n}") for n, byte in enumerate(before)]
        now = self._fresh(m, state, first, "state_now")
        said: list[list[Value]] = []
        for lane in range(width):
            byte = Signal(_BYTE, name=f"byte{lane}")
            m.d.comb += [
                byte.some.eq(1),
                byte.byte.eq(bytes_.word_select(lane, 8)),
                byte.role.eq(now.role),
                byte.line.eq(now.line),
            ]
            history = [*history[-LOOK_BACK:], byte]
            said.append([self._any(m, history, alternatives) for alternatives in _asked()])
            then = Signal(_STATE, name=f"state_behind{lane}")
            m.d.comb += [
                then.role.eq(self._step(m, ROLE, history, now.role)),
                then.line.eq(self._step(m, LINE, history, now.line)),
            ]
            now = then
        with m.If(valid & ~last):
            m.d.sync += state.eq(now)
            m.d.sync += [kept.eq(byte) for kept, byte in zip(before, history[1:], strict=True)]

        got = [*o.p.marks, *o.p.rules, *o.p.methods, o.p.token]
        for lane in range(width):
            there = past_by(m, valid & mask[lane], lexer.latency)
            for lanes, expected in zip(got, said[lane], strict=True):
                wanted = past_by(m, expected, lexer.latency)
                m.d.comb += Assert(~there | (lanes[lane] == wanted))
        m.d.comb += Assert(o.valid == past_by(m, valid, lexer.latency))

    def _fresh(self, m: Module, kept: data.View, first: Value, name: str) -> data.View:
        """*kept*, or nothing in a head's first beat."""
        now = Signal(kept.shape(), name=name)
        m.d.comb += now.eq(Mux(first, 0, kept.as_value()))
        return now

    def _any(
        self, m: Module, history: Sequence[data.View], alternatives: Sequence[Condition]
    ) -> Value:
        return Cat(self._holds(m, history, condition) for condition in alternatives).any()

    def _holds(self, m: Module, history: Sequence[data.View], condition: Condition) -> Value:
        roles = condition.roles or (_HEAD,)
        return (
            self._matches(m, history, condition.pattern)
            & ~Cat(self._matches(m, history, pattern) for pattern in condition.unless).any()
            & _in_states(history, "role", roles, _HEAD)
            & _in_states(history, "line", condition.lines, frozenset(Line))
        )

    def _matches(self, m: Module, history: Sequence[data.View], pattern: Pattern) -> Value:
        return Cat(
            self._member(m, byte, members)
            for byte, members in zip(reversed(history), reversed(pattern), strict=False)
        ).all()

    def _member(self, m: Module, byte: data.View, members: frozenset[int]) -> Value:
        """Whether *byte* is of *members*; where none came, whether START is."""
        if members == ANY:
            return C(1, 1)
        key = byte.as_value().name, members
        if key not in self._members:
            inside = byte.byte.matches(*sorted(members - {START})) if members - {START} else C(0, 1)
            member = Signal(name=f"member{len(self._members)}")
            m.d.comb += member.eq(Mux(byte.some, inside, START in members))
            self._members[key] = member
        return self._members[key]

    def _step(
        self, m: Module, machine: Machine, history: Sequence[data.View], state: Value
    ) -> Value:
        step = state
        for symbol in reversed(machine.symbols):
            moved = Array(machine.function(symbol.name))[state]
            step = Mux(self._matches(m, history, symbol.pattern), moved, step)
        return step


def _in_states(
    history: Sequence[data.View],
    name: str,
    wanted: Sequence[frozenset[int]],
    inside: frozenset[int],
) -> Value:
    """Whether the last bytes stood in these states."""
    return Cat(
        byte.some & byte[name].matches(*sorted(members))
        for byte, members in zip(reversed(history), reversed(wanted), strict=False)
    ).all()


def _asked() -> list[Sequence[Condition]]:
    """What is said of a byte, in the order in which the lexer says it."""
    by_reason = [[r.condition for r in RULES if r.reason is reason] for reason in Reason]
    by_bit = [[c for method, c in METHODS.items() if method >> bit & 1] for bit in range(4)]
    token = Condition((frozenset({START}), TCHAR))
    return [*(MARKS[mark] for mark in Mark), *by_reason, *by_bit, [token]]


def past_by(m: Module, value: Value, clocks: int) -> Value:
    for _ in range(clocks):
        value = past(m, value)
    return value


def _proof(width: int, beats: int) -> Proof:
    geometry = Geometry(width=width)
    latency = 7 + width.bit_length() - 1
    return Proof(
        f"lexer-{width}",
        f"{width} bytes a beat: what the lexer says of a byte is the grammar's, "
        f"in all strings of {beats * width} bytes",
        "hybridmesh.rtl.http.lexer",
        lambda module: Grammar(module.Lexer(geometry), width),
        (
            Fault(
                "machine.first.eq(s_beat[at].first & s_valid[at])",
                "machine.first.eq(s_beat[at].first & s_valid[at] & 0)",
            ),
            Fault("part.last.eq(s_beat[at].last)", "part.last.eq(0)"),
            Fault("at - Windows.latency)", "at - Windows.latency + 1)"),
        ),
        clocks=latency + beats + 1,
    )


PROOFS = (_proof(1, 9), _proof(8, 2))

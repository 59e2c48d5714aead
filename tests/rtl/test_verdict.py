"""The shim builder: every state, reason and flag, against the contract's codec."""

import random
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

import pytest
from keybench import clocked

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import SHIM, Flag, Reason, State, Verdict
from hybridmesh.contract.watch import Column
from hybridmesh.rtl.verdict import ShimBuilder

PREDICATES = 16
STATE_OF = {
    State.MALFORMED: {Reason.FIELD_NAME, Reason.FIELD_VALUE, Reason.HOST_REPEATED, Reason.FRAMING},
    State.UNDECIDED: set(Reason)
    - {Reason.NONE, Reason.FIELD_NAME, Reason.FIELD_VALUE}
    - {Reason.HOST_REPEATED, Reason.FRAMING},
}


def watch(*columns: int) -> int:
    return reduce(or_, (1 << PREDICATES + column for column in columns), 0)


@dataclass(frozen=True)
class Case:
    """What the lexer and the matcher found of one frame."""

    candidate: int = 1
    spoofed: int = 0
    enable: int = 1
    token: int = 1
    reasons: frozenset[Reason] = frozenset()
    seen: int = 0
    repeated: int = 0
    touched: int = 0
    http_1_0: int = 0
    has_length: int = 0
    more: int = 0
    found: int = 1
    row: int = 5
    row_flags: int = 0

    def inputs(self, now: int) -> dict[str, object]:
        return {
            "valid": 1,
            "facts": {
                "info": {
                    "candidate": self.candidate,
                    "spoofed": self.spoofed,
                    "enable": self.enable,
                    "epoch": 0xE1E2,
                    "seq": 0x51525354,
                    "arrival": 0xFFF0,
                },
                "token": self.token,
                "reasons": reduce(or_, (1 << reason for reason in self.reasons), 0),
                "method": 3,
                "head_length": 0x0131,
                "path_offset": 0x0102,
                "path_length": 0x0203,
                "host_offset": 0x0304,
                "host_length": 0xF5,
                "has_length": self.has_length,
                "http_1_0": self.http_1_0,
                "more": self.more,
            },
            "hits": {"seen": self.seen, "repeated": self.repeated, "touched": self.touched},
            "length": 0x31323334,
            "found": self.found,
            "row": self.row,
            "row_flags": self.row_flags,
            "now": now,
        }


def judge(*cases: Case) -> list[tuple[int, int, Verdict]]:
    """Insert, drop and verdict of each, a clock after it was shown."""
    dut = ShimBuilder(Geometry(rows=32, predicates=PREDICATES))
    steps = [case.inputs(now=0x0010) for case in cases] + [{"valid": 0}] * 2
    seen = clocked(dut, steps, {"valid": dut.o.valid, "o": dut.o.payload})
    assert seen["valid"] == [0, *[1] * len(cases), 0]
    outs = seen["o"][1 : len(cases) + 1]
    return [(o.insert, o.drop, SHIM.unpack(o.shim.to_bytes(40, "little"))) for o in outs]


DECIDED = Verdict(
    flags=Flag.DECIDED,
    epoch=0xE1E2,
    row=5,
    method=3,
    seq=0x51525354,
    head_length=0x0131,
    path_offset=0x0102,
    path_length=0x0203,
    host_offset=0x0304,
    host_length=0xF5,
    latency=0x0021,
)


def refused(reason: Reason) -> Verdict:
    malformed = reason in STATE_OF[State.MALFORMED]
    return Verdict(
        flags=Flag.MALFORMED if malformed else Flag.UNDECIDED,
        epoch=0xE1E2,
        reason=reason,
        seq=0x51525354,
        latency=0x0021,
    )


LENGTH, CODING, CHUNKED = Column.LENGTH, Column.CODING, Column.CHUNKED
USABLE = {
    "a-row": (Case(), DECIDED),
    "no-row": (Case(found=0, row=0), DECIDED._replace(row=0xFFFF)),
    "the-first-row": (Case(row=0), DECIDED._replace(row=0)),
    "provisional": (Case(row_flags=1), DECIDED._replace(flags=Flag.PROVISIONAL)),
    "rewritten": (Case(row_flags=2), DECIDED._replace(flags=Flag.DECIDED | Flag.TOUCH)),
    "other-row-flags": (Case(row_flags=0xFC), DECIDED),
    "touched": (Case(touched=1), DECIDED._replace(flags=Flag.DECIDED | Flag.TOUCH)),
    "http-1.0": (Case(http_1_0=1), DECIDED._replace(flags=Flag.DECIDED | Flag.TOUCH)),
    "more": (Case(more=1), DECIDED._replace(flags=Flag.DECIDED | Flag.MORE_DATA)),
    "chunked": (
        Case(seen=watch(CODING, CHUNKED)),
        DECIDED._replace(flags=Flag.DECIDED | Flag.BODY_CHUNKED),
    ),
    "a-length": (
        Case(seen=watch(LENGTH), has_length=1),
        DECIDED._replace(flags=Flag.DECIDED | Flag.BODY_LENGTH, body_length=0x31323334),
    ),
    "predicates-and-watches-seen": (Case(seen=0x0FFF_FFFF), DECIDED),
    "watches-repeated": (Case(seen=watch(0, 12), repeated=watch(0, 12)), DECIDED),
    "all-flags": (
        Case(row_flags=3, seen=watch(CODING, CHUNKED), has_length=1, more=1),
        DECIDED._replace(flags=0xF2, body_length=0x31323334),
    ),
}
BAD_TABLE = {
    "table-off": (Case(enable=0), Reason.TABLE_OFF),
    "predicate-repeated": (Case(seen=8, repeated=8), Reason.REPEATED),
    "lengths": (Case(seen=watch(LENGTH), repeated=watch(LENGTH), has_length=1), Reason.FRAMING),
    "codings": (
        Case(seen=watch(CODING, CHUNKED), repeated=watch(CODING, CHUNKED)),
        Reason.FRAMING,
    ),
    "coding-of-another-line": (
        Case(seen=watch(CODING, CHUNKED), repeated=watch(CODING)),
        Reason.FRAMING,
    ),
    "both": (Case(seen=watch(LENGTH, CODING, CHUNKED), has_length=1), Reason.FRAMING),
    "gzip": (Case(seen=watch(CODING)), Reason.FRAMING),
    "chunked-in-1.0": (Case(seen=watch(CODING, CHUNKED), http_1_0=1), Reason.FRAMING),
}


def test_a_usable_verdict_says_all_that_was_found() -> None:
    answers = judge(*(case for case, _ in USABLE.values()))
    found = dict(zip(USABLE, answers, strict=True))
    assert found == {name: (1, 0, verdict) for name, (_, verdict) in USABLE.items()}


def test_what_the_table_finds_wrong_is_a_reason() -> None:
    answers = judge(*(case for case, _ in BAD_TABLE.values()))
    found = dict(zip(BAD_TABLE, answers, strict=True))
    assert found == {name: (1, 0, refused(reason)) for name, (_, reason) in BAD_TABLE.items()}


def test_a_refused_verdict_has_the_state_of_its_reason_and_nothing_else() -> None:
    busy = Case(seen=watch(CODING, CHUNKED), more=1, touched=1, row_flags=3, has_length=1)
    reasons = sorted(set(Reason) - {Reason.NONE})
    answers = judge(*(replace(busy, reasons=frozenset({reason})) for reason in reasons))
    assert answers == [(1, 0, refused(reason)) for reason in reasons]


def test_of_several_reasons_the_lowest_is_given() -> None:
    rng = random.Random(1)
    sets = [frozenset(rng.sample(list(Reason)[1:], rng.randrange(1, 6))) for _ in range(40)]
    sets.append(frozenset(Reason) - {Reason.NONE})
    answers = judge(*(Case(reasons=reasons) for reasons in sets))
    assert answers == [(1, 0, refused(min(reasons))) for reasons in sets]


@pytest.mark.parametrize(
    ("changes", "insert", "drop"),
    [
        ({}, 1, 0),
        ({"candidate": 0}, 0, 0),
        ({"token": 0}, 0, 0),
        ({"spoofed": 1}, 0, 1),
        ({"spoofed": 1, "candidate": 0, "token": 0}, 0, 1),
    ],
)
def test_only_a_candidate_that_begins_like_a_request_gets_a_shim(
    changes: dict[str, int], insert: int, drop: int
) -> None:
    [(inserted, dropped, verdict)] = judge(replace(Case(), **changes))
    assert (inserted, dropped) == (insert, drop)
    nothing = Verdict(*[0] * len(verdict))
    assert verdict == (DECIDED if insert else nothing)

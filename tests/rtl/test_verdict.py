"""The shim builder: every state, reason and flag, against the contract's codec."""

import random
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

import pytest
from keybench import clocked

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import SHIM, Flag, Reason, Verdict
from hybridmesh.rtl.verdict import ShimBuilder

MALFORMED = {
    Reason.METHOD_BYTE,
    Reason.FIELD_NAME,
    Reason.FIELD_VALUE,
    Reason.HOST_REPEATED,
    Reason.FRAMING,
}
LEAD = 3
"""Clocks that the rest comes before the row."""


@dataclass(frozen=True)
class Case:
    """What the lexer and the matcher found of one frame."""

    candidate: int = 1
    intact: int = 1
    drop: int = 0
    enable: int = 1
    token: int = 1
    reasons: frozenset[Reason] = frozenset()
    crowded: int = 0
    repeated: int = 0
    head: int = 1
    body: int = 0
    touch: int = 0
    http_1_0: int = 0
    chunked: int = 0
    has_length: int = 0
    more: int = 0
    found: int = 1
    row: int = 5
    row_flags: int = 0

    def known(self) -> dict[str, object]:
        """What is there ``LEAD`` clocks before the row."""
        return {
            "valid": 1,
            "facts": {
                "info": {
                    "candidate": self.candidate,
                    "drop": self.drop,
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
                "chunked": self.chunked,
                "touch": self.touch,
                "http_1_0": self.http_1_0,
                "more": self.more,
            },
            "intact": self.intact,
            "place": {"head": self.head, "body": self.body},
            "crowded": self.crowded,
            "repeated": self.repeated,
            "length": 0x31323334,
        }

    def matched(self) -> dict[str, int]:
        return {"found": self.found, "row": self.row, "row_flags": self.row_flags}


NOTHING = {
    **replace(Case(), candidate=0, token=0, row_flags=3, crowded=1, repeated=1).known(),
    "valid": 0,
}


def judge(*cases: Case) -> list[tuple[int, int, Verdict]]:
    """Insert, drop and verdict of each, one a clock, a clock after its row was shown."""
    dut = ShimBuilder(Geometry(rows=32, predicates=16))
    assert dut.lead == LEAD
    steps = [case.known() for case in cases] + [NOTHING] * (LEAD + 1)
    rows = [{}] * LEAD + [case.matched() for case in cases] + [{}]
    steps = [{**step, **row, "now": 0x0010} for step, row in zip(steps, rows, strict=True)]
    steps = [{"found": 1, "row": 9, "row_flags": 3} | step for step in steps]
    seen = clocked(dut, [*steps, NOTHING], {"valid": dut.o.valid, "o": dut.o.payload})
    assert seen["valid"] == [0] * (LEAD + 1) + [1] * len(cases) + [0]
    outs = seen["o"][LEAD + 1 :][: len(cases)]
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
    return Verdict(
        flags=Flag.MALFORMED if reason in MALFORMED else Flag.UNDECIDED,
        epoch=0xE1E2,
        reason=reason,
        seq=0x51525354,
        latency=0x0021,
    )


USABLE = {
    "a-row": (Case(), DECIDED),
    "no-row": (Case(found=0, row=0), DECIDED._replace(row=0xFFFF)),
    "the-first-row": (Case(row=0), DECIDED._replace(row=0)),
    "the-last-row": (Case(row=31), DECIDED._replace(row=31)),
    "provisional": (Case(row_flags=1), DECIDED._replace(flags=Flag.PROVISIONAL)),
    "rewritten": (Case(row_flags=2), DECIDED._replace(flags=Flag.DECIDED | Flag.TOUCH)),
    "touch": (Case(touch=1), DECIDED._replace(flags=Flag.DECIDED | Flag.TOUCH)),
    "http-1.0": (Case(http_1_0=1), DECIDED._replace(flags=Flag.DECIDED | Flag.TOUCH)),
    "more": (Case(more=1), DECIDED._replace(flags=Flag.DECIDED | Flag.MORE_DATA)),
    "chunked": (Case(chunked=1), DECIDED._replace(flags=Flag.DECIDED | Flag.BODY_CHUNKED)),
    "a-length": (
        Case(has_length=1),
        DECIDED._replace(flags=Flag.DECIDED | Flag.BODY_LENGTH, body_length=0x31323334),
    ),
    "all-flags": (
        Case(row_flags=3, touch=1, chunked=1, has_length=1, more=1),
        DECIDED._replace(flags=0xF2, body_length=0x31323334),
    ),
}
REFUSED = {
    "table-off": (Case(enable=0), Reason.TABLE_OFF),
    "crowded": (Case(crowded=1), Reason.CROWDED),
    "repeated": (Case(repeated=1), Reason.REPEATED),
    "crowded-and-repeated": (Case(crowded=1, repeated=1), Reason.CROWDED),
    "all-of-the-table": (Case(enable=0, crowded=1, repeated=1), Reason.TABLE_OFF),
    "unknown-start": (Case(head=0), Reason.UNKNOWN_START),
    "unknown-start-of-what-is-no-head": (
        Case(head=0, reasons=frozenset({Reason.METHOD, Reason.INCOMPLETE})),
        Reason.UNKNOWN_START,
    ),
    "unknown-start-without-a-table": (Case(head=0, enable=0), Reason.TABLE_OFF),
    "crowded-before-the-host": (
        Case(crowded=1, reasons=frozenset({Reason.HOST, Reason.INCOMPLETE})),
        Reason.CROWDED,
    ),
    "a-rule-before-crowded": (
        Case(crowded=1, reasons=frozenset({Reason.ODD_SPACE})),
        Reason.ODD_SPACE,
    ),
}


def test_a_usable_verdict_says_all_that_was_found() -> None:
    answers = judge(*(case for case, _ in USABLE.values()))
    found = dict(zip(USABLE, answers, strict=True))
    assert found == {name: (1, 0, verdict) for name, (_, verdict) in USABLE.items()}


def test_what_the_table_finds_wrong_is_a_reason() -> None:
    answers = judge(*(case for case, _ in REFUSED.values()))
    found = dict(zip(REFUSED, answers, strict=True))
    assert found == {name: (1, 0, refused(reason)) for name, (_, reason) in REFUSED.items()}


def test_a_refused_verdict_has_the_state_of_its_reason_and_nothing_else() -> None:
    busy = Case(chunked=1, more=1, touch=1, http_1_0=1, row_flags=3, has_length=1)
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
        ({"intact": 0}, 0, 0),
        ({"token": 0}, 0, 0),
        ({"head": 0, "body": 1}, 0, 0),
        ({"drop": 1, "head": 0}, 0, 1),
        ({"drop": 1}, 0, 1),
        ({"drop": 1, "candidate": 0, "token": 0}, 0, 1),
        ({"drop": 1, "intact": 0}, 0, 1),
    ],
)
def test_only_an_intact_candidate_that_begins_like_a_request_and_is_no_body_gets_a_shim(
    changes: dict[str, int], insert: int, drop: int
) -> None:
    _, (inserted, dropped, verdict), _ = judge(Case(), replace(Case(), **changes), Case())
    assert (inserted, dropped) == (insert, drop)
    if insert:
        assert verdict == DECIDED

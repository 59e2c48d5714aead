"""The flow guard: the life of a connection by hand, then random ones against the golden table."""

import random
from collections import Counter
from dataclasses import dataclass

import pytest
from keybench import clocked

from hybridmesh.contract.flow import WINDOW, Place
from hybridmesh.contract.geometry import Geometry
from hybridmesh.reference.flows import Flows
from hybridmesh.rtl.flow.guard import FlowGuard

SEQ = 0xFFFFFF00
FLOW, OTHER = 0x12345678, 0x12345679
SHORTEST = 60


@dataclass(frozen=True)
class Told:
    """A message, and the clocks to the next one."""

    seq: int = 0
    opens: bool = False
    payload: bool = True
    flow: int = FLOW
    message: int | None = None
    """Bytes of head and body, if known."""
    head: int = 40
    pause: int = 0

    def fields(self) -> dict[str, int]:
        length = self.message if self.message is not None else self.head + 7
        return {
            "opens": self.opens,
            "payload": self.payload and not self.opens,
            "flow": self.flow,
            "seq": self.seq % 2**32,
            "framed": self.message is not None,
            "head_length": min(self.head, length),
            "body_length": max(length - self.head, 0),
        }


def guarded(width: int, told: list[Told], flows: int = 16) -> list[Place | None]:
    """What the guard says of each message; None where it has no payload."""
    dut = FlowGuard(Geometry(width=width, flows=flows))
    apart = -(-SHORTEST // width)
    steps, asked = [], []
    for message in told:
        asked.append(len(steps))
        steps.append({"i": message.fields()})
        steps += [{"i": None}] * (apart - 1 + message.pause)
    steps += [{"i": None}] * (dut.latency + 1)
    seen = clocked(dut, steps, {"head": dut.o.head, "body": dut.o.body})
    places = []
    for clock, message in zip(asked, told, strict=True):
        head, body = seen["head"][clock + dut.latency], seen["body"][clock + dut.latency]
        assert not (head and body)
        place = Place.HEAD if head else Place.BODY if body else Place.UNKNOWN
        places.append(place if message.payload and not message.opens else None)
    return places


HEAD, BODY, UNKNOWN = Place.HEAD, Place.BODY, Place.UNKNOWN

LIFE = (
    (Told(SEQ), UNKNOWN),
    (Told(SEQ - 1, opens=True), None),
    (Told(SEQ, flow=OTHER), UNKNOWN),
    (Told(SEQ, message=100), HEAD),
    (Told(SEQ + 100, message=40), HEAD),
    (Told(SEQ + 140, message=1040), HEAD),  # sequence numbers come round in its body
    (Told(SEQ + 240), BODY),
    (Told(SEQ + 1179), BODY),
    (Told(SEQ + 1180, payload=False, message=9), None),
    (Told(SEQ + 100, message=9), BODY),  # once more
    (Told(SEQ + 1181, message=9), UNKNOWN),  # one is lost
    (Told(SEQ + 1180, message=None), HEAD),  # its end is not known
    (Told(SEQ + 1230, message=9), UNKNOWN),
    (Told(SEQ + 1180, message=60), HEAD),  # now it is
    (Told(SEQ + 1240, opens=True), None),
    (Told(SEQ + 1240, message=9), BODY),
    (Told(SEQ + 1241, message=9), HEAD),
)
"""A connection, and where its segments begin."""


@pytest.mark.parametrize("width", [1, 8, 16, 32, 64])
def test_a_connection_is_followed_from_head_to_head(width: int) -> None:
    told = [message for message, _ in LIFE]
    assert guarded(width, told) == [place for _, place in LIFE]


@pytest.mark.parametrize("width", [8, 64])
def test_a_connection_that_goes_far_beyond_its_last_known_head_is_forgotten(width: int) -> None:
    for away, place in {
        1 - WINDOW: HEAD,
        -WINDOW: HEAD,
        -WINDOW - 1: UNKNOWN,
        WINDOW - 1: HEAD,
        WINDOW: UNKNOWN,
        3 * WINDOW - 1: UNKNOWN,
    }.items():
        told = [Told(SEQ - 1, opens=True), Told(SEQ + away), Told(SEQ, message=9)]
        assert guarded(width, told)[2] is place, away


@pytest.mark.parametrize("width", [8, 64])
def test_of_three_connections_in_one_set_the_one_seen_longest_ago_goes(width: int) -> None:
    # Eight sets: the digits of these hashes come to the same set.
    a, b, c = 0o0, 0o11, 0o22
    opened = [Told(9, opens=True, flow=flow) for flow in (a, b)]
    used = [*opened, Told(10, flow=a, message=5), Told(9, opens=True, flow=c)]
    asked = [Told(15, flow=a), Told(10, flow=b), Told(10, flow=c)]
    assert guarded(width, used + asked)[-3:] == [HEAD, UNKNOWN, HEAD]
    # One that was forgotten leaves its place.
    lost = [*opened, Told(10 + WINDOW, flow=b), Told(9, opens=True, flow=c)]
    asked = [Told(10, flow=a), Told(10, flow=b), Told(10, flow=c)]
    assert guarded(width, lost + asked)[-3:] == [HEAD, UNKNOWN, HEAD]


def test_the_sum_of_head_and_body_is_of_32_bits() -> None:
    long_ = 0x3FFF + 999_999_999
    told = [
        Told(SEQ - 1, opens=True),
        Told(SEQ, message=long_, head=0x3FFF),
        Told(SEQ + long_ - 1),
        Told(SEQ + long_, message=3),
    ]
    assert guarded(8, told) == [None, HEAD, BODY, HEAD]


@pytest.mark.parametrize(("width", "flows"), [(1, 16), (8, 16), (8, 1024), (32, 16), (64, 32)])
def test_random_connections_are_followed_as_the_model_follows_them(width: int, flows: int) -> None:
    rng = random.Random(width + flows)
    model = Flows(Geometry(width=width, flows=flows))
    hashes = [rng.getrandbits(32) for _ in range(flows // 8 if flows < 100 else 12)]
    hashes += [value ^ 1 << 31 for value in hashes]  # another tag, another set or the same
    heads = dict.fromkeys(hashes, 0)
    told, expected = [], []
    for _ in range(100 if width == 1 else 900):
        flow = rng.choice(hashes)
        kind = rng.random()
        seq = heads[flow]
        if kind < 0.1:
            seq = rng.getrandbits(32)
        elif kind < 0.3:
            seq += rng.choice((-1, 1, -50, 50, 1 << 30, 1 << 31, -(1 << 30)))
        message = rng.choice((None, 40, 50, 1000, 999_999_999))
        opens, payload = rng.random() < 0.15, rng.random() < 0.9
        pause = rng.choice((0, 0, 0, 1, 2, 3, 5))
        told.append(Told(seq, opens, payload, flow, message, pause=pause))
        if opens:
            model.opened(flow, seq % 2**32)
            heads[flow] = seq + 1
            expected.append(None)
        elif payload:
            place = model.came(flow, seq % 2**32, message)
            if place is HEAD and message is not None:
                heads[flow] = seq + message
            expected.append(place)
        else:
            expected.append(None)
    assert guarded(width, told, flows) == expected
    assert min(Counter(expected)[place] for place in Place) >= (2 if width == 1 else 30)

"""Random conversations: much of them is decided, and there is whatever else there can be."""

import random

from hybridmesh.contract.geometry import Geometry
from hybridmesh.nic import ReferenceNic
from tb.lib.conversations import conversations
from tb.lib.traffic import PORT, table


def counted(frames: list[bytes], flows: int) -> dict[str, int]:
    """What a NIC that follows so many connections counts of *frames*."""
    geometry = Geometry(rows=32, hosts=16, predicates=16, flows=flows)
    with ReferenceNic(geometry) as nic:
        nic.listen(PORT, 8080)
        nic.load(table(geometry))
        nic.exchange(frames)
        return nic.counters()


def test_two_heads_in_five_are_decided_unless_connections_make_room_for_each_other():
    frames = list(conversations(random.Random(1), 2000, (PORT, 8080)))
    small, large = counted(frames, 16), counted(frames, 1024)
    for counters, share in ((small, 1 / 3), (large, 2 / 5)):
        decided = counters["decided"] + counters["provisional"]
        assert decided > share * (decided + counters["undecided"] + counters["malformed"])
        for other in ("undecided", "malformed", "passed", "spoofed", "bad_checksum"):
            assert counters[other] > 0
    assert small["decided"] < 0.95 * large["decided"]

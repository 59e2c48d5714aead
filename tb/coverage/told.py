"""The host tells the NIC of connections while frames of others come."""

import random
from collections import deque
from collections.abc import Iterator

from hybridmesh.contract.flow import WAYS, flow_place
from hybridmesh.contract.verdict import Reason
from hybridmesh.nic.frames import Connection, split
from tb.lib.traffic import PORT, table

from .errors import DisagreementError
from .nic import Access, Frame, Pace, write
from .pair import Pair

__all__ = ["run"]

_HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
_SHORT = b"GE"
_TOLD = 60
"""Connections that are told of, amid the frames."""


def run(pair: Pair, rng: random.Random, sends: Pace) -> None:
    """Frames of connections that nobody knows, those of one set of the table and of others; they
    change nothing there, so that what was told last is known, whenever it came."""
    pair.listen(PORT)
    pair.load(table(pair.geometry))
    connections = _connections(rng)
    theirs = [next(connections) for _ in range(8)]
    place = flow_place(pair.geometry, theirs[0].flow(0))[0]
    flows = (c.flow(0) for c in connections)
    told = (c for c in connections if flow_place(pair.geometry, c.flow(0))[0] == place)
    last: deque[tuple[Connection, int]] = deque(maxlen=WAYS)
    accesses = []
    for connection, _ in zip(told, range(_TOLD), strict=False):
        seq = rng.getrandbits(32)
        accesses += [
            *(Access.pause(rng.randrange(50)), Access.until_not("telling")),
            *(write("flow_hash", connection.flow(0)), write("flow_syn", seq - 1 & 0xFFFFFFFF)),
        ]
        last.append((connection, seq))
    # one of another set, twice at once: the second time may be refused
    other = next(flow for flow in flows if flow_place(pair.geometry, flow)[0] != place)
    accesses += [Access.until_not("telling")]
    accesses += [write("flow_hash", other), write("flow_syn", 0)] * 3
    accesses += [Access.until_not("telling")]
    frames = [
        Frame(rng.choice(theirs).frame(rng.getrandbits(32), rng.choice((_SHORT, _HEAD))))
        for _ in range(60 * pair.geometry.width + 100)
    ]
    pair.play(frames, sends=sends, accesses=accesses)
    for connection, seq in last:
        (frame,) = pair.play([Frame(connection.frame(seq, _HEAD))]).host
        verdict, _ = split(frame)
        if verdict is None or verdict.reason == Reason.UNKNOWN_START:
            raise DisagreementError("What was told is not known", place="flow_syn")


def _connections(rng: random.Random) -> Iterator[Connection]:
    while True:
        yield Connection(("192.0.2.1", rng.randrange(1, 65536)), ("198.51.100.1", PORT))

"""Tours: traffic that a pair of RTL and model is taken through, each from a fresh start.

The random ones are the benches' and the referee's; the others go where those hardly come.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product

from hybridmesh.compiler.pattern import Pattern, put
from hybridmesh.contract.registers import REGISTERS
from hybridmesh.contract.table import TableImage
from hybridmesh.nic.frames import Connection
from tb.lib.conversations import conversations
from tb.lib.traffic import PORT, Client, any_payload, head, opened, table
from tb.referee.heads import make
from tb.referee.table import table as deciding_table
from tb.verdict_engine.heads import MIXES
from tb.verdict_engine.tables import random_table

from . import conditions, cuts, shapes, swaps, told, toward
from .errors import DisagreementError
from .nic import PACES, Access, Frame, read, write
from .pair import Pair

__all__ = ["TOURS", "Tour"]

Tour = Callable[[Pair, random.Random, int], None]
"""Takes a pair through some traffic; the number says how often as much as the short form."""

_BATCH = 400
_HEADS = 600, 30
"""Heads of the referee in the short form, and as many more for each lane."""


def _connections(rng: random.Random) -> Iterator[Connection]:
    """Others all the time; documentation addresses (RFC 5737)."""
    while True:
        yield Connection(("192.0.2.1", rng.randrange(1, 65536)), ("198.51.100.1", PORT))


def _sent(rng: random.Random, payloads: Sequence[bytes], *, cut: bool = False) -> list[Frame]:
    """Each of *payloads* over a connection of its own, that it begins; *cut* in two."""
    frames = []
    for payload, connection in zip(payloads, _connections(rng), strict=False):
        seq = rng.getrandbits(32)
        frames.append(Frame(connection.opening(seq)))
        at = rng.randrange(1, len(payload)) if cut and len(payload) > 1 else 0
        parts = connection.frames(seq, payload[:at]) + connection.frames(seq + at, payload[at:])
        frames += [Frame(data) for data in parts]
    return frames


def _batches(payloads: Iterator[bytes]) -> Iterator[list[bytes]]:
    while batch := list(islice(payloads, _BATCH)):
        yield batch


def referee_heads(pair: Pair, rng: random.Random, times: int) -> None:
    """The heads that the referee is shown: made by the grammar, spoiled, cut."""
    pair.listen(PORT)
    pair.load(deciding_table(pair.geometry))
    seed = rng.getrandbits(32)
    few, by_lane = _HEADS
    for start in range(0, (few + by_lane * pair.geometry.width) * times, _BATCH):
        cases = [make(seed, number) for number in range(start, start + _BATCH)]
        pair.exchange(_sent(rng, [case.payload for case in cases]))
        frames = []
        for case, connection in zip(cases, _connections(rng), strict=False):
            frames.append(Frame(connection.opening(case.seq)))
            ends = (*case.cuts, len(case.payload))
            for at, end in zip((0, *case.cuts), ends, strict=True):
                part = connection.frames(case.seq + at, case.payload[at:end])
                frames += [Frame(data) for data in part]
        pair.exchange(frames)


def every_state_in_every_lane(pair: Pair, rng: random.Random, times: int) -> None:
    """Payloads that lead to each state of the machines, with bytes of each class in each lane."""
    pair.listen(PORT)
    pair.load(deciding_table(pair.geometry))
    for _ in range(times):
        for batch in _batches(toward.payloads(rng, pair.geometry.width)):
            pair.exchange(_sent(rng, batch))
            pair.exchange(_sent(rng, batch[:: _BATCH // 40], cut=True))


def random_tables(pair: Pair, rng: random.Random, times: int) -> None:
    """The verdict engine's heads and tables, to one listener after the other."""
    ports = tuple(8000 + number for number in range(8))
    pair.listen(*ports)
    for _ in range(4 * times):
        for mix in MIXES.values():
            pair.load(random_table(pair.geometry, rng, query=rng.random() < 0.7))
            frames = []
            for number in range(80):
                client, seq = Client(rng, ports[number % len(ports)]), rng.getrandbits(32)
                frames += [Frame(client.opening(seq)), Frame(client.segment(seq, mix(rng)))]
            pair.exchange(frames)


def every_row(pair: Pair, rng: random.Random, times: int) -> None:
    """A row for each path."""
    image = TableImage(pair.geometry)
    paths = [b"/%d" % row for row in range(pair.geometry.rows)]
    for row, path in enumerate(paths):
        put(image.path, row, Pattern(path, exact=True))
        image.word.allow_all(row)
    pair.load(image)
    pair.listen(PORT)
    heads = [b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path for path in paths]
    pair.exchange(_sent(rng, heads))


def rows_of_each_kind(pair: Pair, rng: random.Random, times: int) -> None:
    """Requests that hit the rows of each kind, and that miss them by one condition alone."""
    pair.load(conditions.image(pair.geometry))
    pair.listen(*conditions.PORTS)
    requests = list(conditions.requests())
    frames = []
    for number, request in enumerate(requests):
        connection = Connection(("192.0.2.1", 50000 + number), ("192.0.2.2", request.port))
        seq = rng.getrandbits(32)
        frames += [Frame(connection.opening(seq)), Frame(connection.frame(seq, request.head))]
    for request, verdict in zip(requests, pair.verdicts(frames)[1::2], strict=True):
        assert verdict is not None
        outcome = conditions.outcome(pair.geometry, request.kind, verdict)
        if outcome != request.outcome:
            raise DisagreementError(
                f"{request.head!r} is {outcome}, not {request.outcome}", place=request.kind
            )
        pair.hit("condition", request.kind, outcome)


def conversations_at_every_pace(pair: Pair, rng: random.Random, times: int) -> None:
    """Clients that talk at the same time, and frames to the wire, under every pause there is."""
    pair.load(table(pair.geometry))
    pair.listen(8080, PORT, 0, 443)
    for (sends, sending), (takes, taking) in product(PACES.items(), PACES.items()):
        del sends, takes
        frames = [
            Frame(frame, rng.random() < 0.05)
            for frame in conversations(rng, 60 * times, (PORT, 8080, 443))
        ]
        up = [rng.randbytes(rng.choice((1, 60, rng.randrange(1, 400)))) for _ in range(60)]
        pair.exchange(frames, up=up, sends=sending(rng), takes=taking(rng))


def frames_of_each_shape(pair: Pair, rng: random.Random, times: int) -> None:
    """Frames at the edges of what the NIC takes for a segment."""
    pair.exchange([Frame(frame) for frame in opened(rng, head(rng))])  # no listener yet
    pair.listen(PORT)
    connection, data = next(_connections(rng)), head(rng)
    parts = connection.frame(0, data[:9]), connection.frame(9, data[9:])
    pair.exchange([Frame(frame) for frame in parts])  # no table yet
    pair.load(table(pair.geometry))
    for _ in range(3 * times):
        frames = list(shapes.frames(rng, pair.geometry.max_frame))
        pair.exchange(frames, sends=PACES[rng.choice(("none", "coin"))](rng))
    longest = list(shapes.long_frames(rng, pair.geometry.max_frame))
    for pace in PACES.values():
        pair.exchange(longest, sends=pace(rng), takes=pace(rng))
    # so long a pause that all that waits for the end of a long frame is gone
    beats = pair.geometry.max_frame // pair.geometry.width
    pair.exchange(longest, sends=bytes(max(beats // 3, 20)) + b"\1" * (beats + 200))


def crowds(pair: Pair, rng: random.Random, times: int) -> None:
    """More frames than verdicts can wait, and more bytes than the queue holds, for a host that
    takes nothing for a long time."""
    pair.load(table(pair.geometry))
    pair.listen(PORT)
    nothing = b"\1" * 6000 + bytes(1 << 20)
    short = [Frame(rng.randbytes(rng.choice((1, 60, 64)))) for _ in range(400)]
    heads = [Frame(frame) for _ in range(40) for frame in opened(rng, any_payload(rng))]
    long = list(shapes.long_frames(rng, pair.geometry.max_frame)) * 4
    for frames in (short, heads, long):
        pair.exchange(frames, takes=nothing)
        pair.exchange(frames, up=[bytes(9)] * 40, takes=b"\1" * 60 + bytes(4))
        some = frames[: len(frames) // 4]
        for sends, takes in product(("coin", "every other", "none"), ("coin", "every other")):
            pair.exchange(some, sends=PACES[sends](rng), takes=PACES[takes](rng))
    # the queue is full nearly always, and what comes does not come in every clock
    now_and_then = bytes(rng.random() < 0.2 for _ in range(4096))
    pair.exchange(long, sends=now_and_then, takes=PACES["coin"](rng))


def heads_in_parts(pair: Pair, rng: random.Random, times: int) -> None:
    """Heads of all kinds that are cut once, one that is cut everywhere, and segments that must not
    be put together."""
    pair.listen(PORT)
    image = deciding_table(pair.geometry)
    pair.load(image)
    for _ in range(3 * times):
        pair.exchange(_sent(rng, list(toward.heads(rng, 0)), cut=True))
    image.options[0] = 0  # no query parameters, so that none are too many at any width
    pair.load(image)
    cuts.everywhere(pair, rng)
    cuts.scenarios(pair, rng)


def tables_under_traffic(pair: Pair, rng: random.Random, times: int) -> None:
    """Tables are swapped, written and read back while frames are matched."""
    for pace in ("none", "bursts") * times:
        swaps.run(pair, rng, PACES[pace](rng))


def heads_that_are_told(pair: Pair, rng: random.Random, times: int) -> None:
    """The host tells where heads begin, while frames come, and while none do."""
    for pace in ("none", "bursts", "coin") * times:
        told.run(pair, rng, PACES[pace](rng))


def every_register(pair: Pair, rng: random.Random, times: int) -> None:
    """Each register is read and written, where it may be and where not."""
    nowhere = max(REGISTERS, key=lambda register: register.address).address + 4
    accesses = [access for r in REGISTERS for access in (read(r.name), write(r.name, 1))]
    accesses += [Access.read_at(nowhere), Access.write_at(nowhere, 1)]
    pair.nic.play(accesses=accesses)


TOURS: dict[str, Tour] = {
    tour.__name__.replace("_", " "): tour
    for tour in (
        referee_heads,
        every_state_in_every_lane,
        random_tables,
        every_row,
        rows_of_each_kind,
        conversations_at_every_pace,
        frames_of_each_shape,
        crowds,
        heads_in_parts,
        tables_under_traffic,
        heads_that_are_told,
        every_register,
    )
}
"""By name."""

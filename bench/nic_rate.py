"""How many one-segment requests a second the simulated NIC takes: python bench/nic_rate.py [WIDTH].

A request is one frame in, and one frame with its verdict out; all are of one connection, and all
are decided.  Two figures: frames in batches, and one frame at a time as the rootless link sends
them.
"""

import sys
import time
from collections.abc import Iterator
from itertools import count, islice

from hybridmesh.compiler import compile_table
from hybridmesh.config.model import (
    Forward,
    Location,
    MatchKind,
    Route,
    RouteMatch,
    RouteTable,
    StringMatch,
    VirtualHost,
    WeightedCluster,
)
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import State
from hybridmesh.nic import SimulatedNic
from hybridmesh.nic.frames import Connection, split

ROUTES = 200
HEADS = {
    "curl": (
        "GET /service-199/items HTTP/1.1\r\nHost: shop.example.com\r\n"
        "User-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n"
    ),
    "browser": (
        "GET /service-199/items?page=2 HTTP/1.1\r\nHost: shop.example.com\r\n"
        "Connection: keep-alive\r\nUpgrade-Insecure-Requests: 1\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\n"
        "Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\nAccept-Encoding: gzip, deflate, br\r\n"
        "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=all\r\n"
        "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n"
        "Referer: https://shop.example.com/service-199/\r\n\r\n"
    ),
}


def main() -> None:
    geometry = Geometry(width=int(sys.argv[1]) if len(sys.argv) > 1 else 8)
    routes = tuple(
        Route(
            f"bench/{n}",
            RouteMatch(path=StringMatch(MatchKind.PREFIX, f"/service-{n}/")),
            Forward((WeightedCluster("c"),)),
            Location("bench", n + 1),
        )
        for n in range(ROUTES)
    )
    table = RouteTable(80, (VirtualHost("shop", "shop.example.com", routes),))
    connection = Connection(("192.0.2.7", 40000), ("198.51.100.1", 80))
    with SimulatedNic(geometry) as nic:
        nic.listen(80)
        started = time.perf_counter()
        nic.load(compile_table(table, geometry).image)
        print(
            f"width {geometry.width}: table of {ROUTES} routes loaded in "
            f"{time.perf_counter() - started:.2f} s"
        )
        for name, head in HEADS.items():
            opening, frames = connection.opening(0), requests(connection, head.encode())
            verdict, _ = split(nic.exchange([opening, next(frames)])[1])
            assert verdict is not None
            assert (verdict.state, verdict.row) == (State.DECIDED, 199)
            print(f"{name}: {len(head)}-byte head, {verdict.latency} cycles from its first byte")
            measure("  in batches of 100", nic, frames, 100)
            measure("  one at a time", nic, frames, 1)


def requests(connection: Connection, head: bytes) -> Iterator[bytes]:
    """The frames of a connection that sends *head* again and again."""
    return (connection.frame(seq, head) for seq in count(0, len(head)))


def measure(what: str, nic: SimulatedNic, frames: Iterator[bytes], batch: int) -> None:
    """Print how fast *frames* go through, over about a second."""
    cycles, decided = nic.cycles, nic.counters()["decided"]
    spent, sent = 0.0, 0
    while spent < 1:
        together = list(islice(frames, batch))
        started = time.perf_counter()
        nic.exchange(together)
        spent += time.perf_counter() - started
        sent += batch
    assert nic.counters()["decided"] == decided + sent
    rate, clock = sent / spent, (nic.cycles - cycles) / spent
    print(f"{what}: {rate:,.0f} requests/s, {clock:,.0f} cycles/s")


if __name__ == "__main__":
    main()

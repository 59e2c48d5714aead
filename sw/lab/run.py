"""What the lab measures: the same requests to gateways with the tunnel, or more, or less.

All run all the time, on the same host, behind the same wire, and take turns; what the machine does
besides hits all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from . import curl, tools, wrk
from .impairment import Impairment
from .setup import Gateway, Lab, Way

__all__ = ["ON_BOARD", "SCENARIOS", "Row", "Scenario", "run"]

_WARM_UP = 48
_NONE = Impairment()


@dataclass(frozen=True)
class Scenario:
    """A kind of traffic (see :mod:`.client` and :mod:`.wrk`) on a kind of wire; *reloading*: while
    another table takes turns in the NIC with the one that the gateways know."""

    name: str
    kind: Literal["plain", "mixed", "wrk"]
    impairment: Impairment = _NONE
    reloading: bool = False


SCENARIOS = (
    Scenario("one after the other", "plain"),
    Scenario("wrk, {connections} connections", "wrk"),
    Scenario("parts, pipelines, aborts", "mixed"),
    Scenario("2 % loss", "plain", Impairment(loss=0.02)),
    Scenario(
        "loss, copies, disorder, parts, pipelines, aborts",
        "mixed",
        Impairment(loss=0.02, duplication=0.02, reordering=0.02),
    ),
)

ON_BOARD = (
    *SCENARIOS[:2],
    SCENARIOS[-1],
    Scenario("tables reloaded", "plain", reloading=True),
    Scenario(
        "tables reloaded, 20 % of the control frames lost",
        "mixed",
        Impairment(loss=0.02, control_loss=0.2),
        reloading=True,
    ),
)
"""Of a board, which is slower than a NIC without ports; its driver takes part."""


@dataclass
class Row:
    """What came of a scenario; times are of the slowest round, in microseconds."""

    scenario: str
    way: Way
    right: int = 0
    wrong: int = 0
    failed: int = 0
    usable: int = 0
    shortcuts: int = 0
    reloads: int = 0
    own: float = 0.0
    kernel: float = 0.0
    median: float = 0.0
    late: float = 0.0

    @property
    def hit_rate(self) -> float:
        """Decided and provisional verdicts that the gateway got, by requests that were answered."""
        return self.usable / self.right if self.right else 0.0

    @property
    def shortcuts_per_request(self) -> float:
        """Messages to pods and from them that went from socket to socket."""
        return self.shortcuts / self.right if self.right else 0.0

    @property
    def cpu_per_request(self) -> tuple[float, float]:
        """Microseconds of the gateway: of its own code, and of the kernel for it."""
        requests = self.right or 1
        return 1e6 * self.own / requests, 1e6 * self.kernel / requests


def run(
    lab: Lab,
    scenarios: Sequence[Scenario],
    requests: int,
    connections: int,
    rounds: int,
    seed: int,
    progress: Callable[[str], None],
) -> list[Row]:
    """Send *requests* of each of *scenarios* to each gateway, in *rounds*; returns a row for each.

    *progress* is told of every round before it begins.  Raises :exc:`LabError` where curl does not
    get at the right pods.
    """
    ways: tuple[Way, ...] = ("shortcut", "tunnel", "none")
    gateways = [lab.gateway(way) for way in ways]
    rows = []
    for gateway in gateways:
        lab.clients(gateway.port, _WARM_UP, connections, "plain", seed)
    if tools.find("curl"):
        for gateway in gateways:
            curl.check(lab, gateway.port)
        progress("curl: the right pod, through each gateway")
    for scenario in scenarios:
        if scenario.kind == "wrk" and not tools.find("wrk"):
            continue
        name = scenario.name.format(connections=connections)
        turns = [Row(name, way) for way in ways]
        for number in range(rounds):
            progress(f"{name}, round {number + 1} of {rounds}")
            lab.network.impairment = scenario.impairment
            lab.front.reloading = scenario.reloading
            for row, gateway in zip(turns, gateways, strict=True):
                _round(lab, row, gateway, scenario.kind, requests // rounds, connections, seed)
            seed += 1
        lab.network.impairment = _NONE
        lab.front.reloading = False
        rows += turns
    for gateway in gateways:
        gateway.stop()
    return rows


def _round(
    lab: Lab, row: Row, gateway: Gateway, kind: str, requests: int, connections: int, seed: int
) -> None:
    own, kernel = gateway.cpu()
    before, reloads = lab.counters(), lab.front.reloads
    if kind == "wrk":
        tally = wrk.send(lab, gateway.port, requests, connections, seed)
    else:
        tally = lab.clients(gateway.port, requests, connections, kind, seed)
    now = gateway.cpu()
    row.own += now[0] - own
    row.kernel += now[1] - kernel
    after = lab.counters()
    row.usable += after["usable"] - before["usable"]
    row.shortcuts += after["shortcuts"] - before["shortcuts"]
    row.reloads += lab.front.reloads - reloads
    row.right += tally.right
    row.wrong += tally.wrong
    row.failed += tally.failed
    median, late = tally.times
    row.median, row.late = max(row.median, median), max(row.late, late)

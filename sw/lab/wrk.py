"""wrk as the lab's client: all connections of it ask as fast as they are answered."""

import json
from pathlib import Path

from .client import Tally
from .mesh import FIRST_PORT, HOST
from .namespace import LabError
from .setup import ADDRESS, Lab
from .tools import find

__all__ = ["send"]

_SCRIPT = Path(__file__).with_suffix(".lua")
_PATIENCE = 30
_SLOWEST = 10
"""Requests in a second: when it has had time for that, what has no answer gets none."""


def send(lab: Lab, port: int, requests: int, connections: int, seed: int) -> Tally:
    """Let wrk send *requests* to the gateway on *port*, and see what became of them."""
    share = max(1, requests // connections)
    with lab.client(
        *(find("wrk"), "-t", connections, "-c", connections, "-s", _SCRIPT),
        *("-d", _PATIENCE + requests // _SLOWEST, "--timeout", _PATIENCE),
        *(f"http://{ADDRESS}:{port}/", "--", share, FIRST_PORT, lab.routes, HOST, seed),
    ) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(connections)]
    try:
        tallies = [Tally(**json.loads(line)) if line else Tally(failed=1) for line in lines]
    except ValueError:
        raise LabError(f"wrk failed: {' '.join(map(str.strip, lines))}") from None
    return Tally.of(tallies)

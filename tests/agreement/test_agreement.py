"""The golden rule: whatever the NIC says, the request gets the route that the exact matcher gives.

Random YAML, random heads; the simulated RTL, the golden model and the matcher side by side.  The
long form (HYBRIDMESH_AGREEMENT=100x1000) is what ``make agreement`` runs, by turns at width 8, 1
and 64.
"""

import os
import random
from collections import Counter
from contextlib import ExitStack

import pytest
from randomyaml import random_head, random_yaml, with_prefixes

from hybridmesh.compiler import compile_table
from hybridmesh.config import load
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import State
from hybridmesh.nic import open_nic
from hybridmesh.nic.frames import Connection, split
from hybridmesh.reference.head import HeadError, find_end, parse
from hybridmesh.reference.resolver import Resolver

WIDTHS = (8, 1, 64) if "HYBRIDMESH_AGREEMENT" in os.environ else (8,)
TABLES, REQUESTS = map(int, os.environ.get("HYBRIDMESH_AGREEMENT", "4x150").split("x"))
PEER, LOCAL = ("192.0.2.1", 40000), ("192.0.2.2", 8080)


@pytest.fixture(scope="module")
def nics():
    """By width, the simulated RTL and the golden model."""
    with ExitStack() as stack:
        opened = {}

        def both(width):
            if width not in opened:
                opened[width] = [
                    stack.enter_context(open_nic(kind, Geometry(width=width)))
                    for kind in ("sim", "reference")
                ]
                for nic in opened[width]:
                    nic.listen(LOCAL[1])
            return opened[width]

        yield both


def in_parts(rng, head):
    """The segments in which *head* comes: mostly one."""
    cuts = sorted(rng.sample(range(1, len(head)), rng.choice((0, 0, 0, 1, 2))))
    return [head[a:b] for a, b in zip([0, *cuts], [*cuts, len(head)], strict=True)]


def verdicts(nic, requests):
    """What *nic* says of each request at its end, latency aside; None without a shim."""
    connection = Connection(PEER, LOCAL)
    out = []
    for number, parts in enumerate(requests):
        seq = 1000 * number
        frames = [connection.opening(seq)]
        for part in parts:
            frames.append(connection.frame(seq, part))
            seq += len(part)
        came = [split(frame) for frame in nic.exchange(frames)]
        assert [wire for _, wire in came] == frames
        verdict = came[-1][0]
        out.append(verdict._replace(latency=0) if verdict else None)
    return out


@pytest.mark.parametrize("seed", range(TABLES))
def test_nic_and_software_agree_with_the_exact_matcher(seed, nics, tmp_path):
    rng = random.Random(seed)
    geometry = Geometry(width=WIDTHS[seed % len(WIDTHS)])
    text = random_yaml(rng)
    (tmp_path / "mesh.yaml").write_text(text)
    table = load([tmp_path]).table
    if seed % 2:
        table = with_prefixes(rng, table)
    compiled = compile_table(table, geometry)
    heads = [random_head(rng) for _ in range(REQUESTS)]
    resolver = Resolver(table)
    pair = nics(geometry.width)
    epochs = [nic.load(compiled.image) for nic in pair]
    assert epochs[0] == epochs[1]
    resolver.add_epoch(epochs[0], compiled)

    states = Counter()
    requests = [in_parts(rng, head) for head in heads]
    simulated, modelled = (verdicts(nic, requests) for nic in pair)
    for raw, of_rtl, of_model in zip(heads, simulated, modelled, strict=True):
        assert of_rtl == of_model, raw
        state = of_rtl.state if of_rtl else State.NONE
        states[state] += 1
        end = find_end(raw)  # a mutation may have put bytes behind the head
        try:
            head = parse(raw[:end] if end > 0 else raw)
        except HeadError:
            assert state not in (State.DECIDED, State.PROVISIONAL), (text, raw)
            continue
        hit = resolver.matcher.match(head)
        answer = resolver.resolve(head, of_rtl)
        assert answer.route is (hit.route if hit else None), (text, raw, of_rtl)
    assert states[State.DECIDED] > REQUESTS / 100

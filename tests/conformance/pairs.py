"""Random pairs of a table and a request: Envoy's answer, the gateway's with a NIC and without."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from hybridmesh.config.model import Mesh
from hybridmesh.nic import NicDriver

from .cases import Asked, load_text, whole_yaml
from .differences import complaints, reconciled
from .envoy import envoy_running
from .exchange import Answer
from .gateway import gateway_running
from .pods import Pods
from .randommesh import SERVICES, random_request, random_resources
from .stage import ask_all, has_mirrors

__all__ = ["Disagreement", "Outcome", "compare", "explain"]


@dataclass
class Outcome:
    """What has come of many pairs.

    Attributes
    ----------
    pairs : int
    wrong : dict of str to list of (int, int)
        By what is wrong, the tables and requests, by number, about which the gateway and Envoy are
        of two opinions.
    statuses : Counter
        Of Envoy's answers.
    differences : Counter
        Deliberate ones, by their anchors.
    """

    pairs: int = 0
    wrong: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    differences: Counter[str] = field(default_factory=Counter)
    unparsed: int = 0

    def merge(self, other: "Outcome") -> None:
        self.pairs += other.pairs
        for what, pairs in other.wrong.items():
            self.wrong.setdefault(what, []).extend(pairs)
        self.statuses += other.statuses
        self.differences += other.differences
        self.unparsed += other.unparsed

    def to_json(self) -> dict[str, Any]:
        return vars(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Outcome":
        return cls(
            data["pairs"],
            {
                what: [(table, request) for table, request in pairs]
                for what, pairs in data["wrong"].items()
            },
            Counter(data["statuses"]),
            Counter(data["differences"]),
            data["unparsed"],
        )


@dataclass(frozen=True)
class Table:
    """Table *number* of a seed, and its requests."""

    number: int
    yaml: str
    mesh: Mesh
    asked: Sequence[Asked]


async def _table(seed: int, number: int, requests: int, pods: Pods) -> Table:
    rng = random.Random(f"{seed}/{number}")
    resources = random_resources(rng)
    services = {name: {"endpoints": [{}]} for name in SERVICES}
    text = await whole_yaml(resources, f"table-{number}", services, pods)
    asked = [random_request(rng) for _ in range(requests)]
    return Table(number, text, load_text(text), asked)


async def compare(
    seed: int, numbers: Sequence[int], requests: int, pods: Pods, nic: NicDriver
) -> Outcome:
    """Put *requests* requests to each of the tables *numbers*, in front of Envoy and of the
    gateway on *nic* and on none."""
    outcome = Outcome()
    tables = [await _table(seed, number, requests, pods) for number in numbers]
    async with envoy_running([table.mesh for table in tables]) as ports:
        for table, port in zip(tables, ports, strict=True):
            late = has_mirrors(table.mesh)
            envoy = await ask_all(port[80], table.asked, pods, late=late)
            for one in (None, nic):
                async with gateway_running(table.mesh, one) as gateway:
                    ours = await ask_all(gateway.port, table.asked, pods, late=late)
                    outcome.unparsed += gateway.counters()["http.ingress.verdict.unparsed"]
                for number, asked in enumerate(table.asked):
                    pair = asked.request, envoy[number], ours[number]
                    outcome.differences.update(reconciled(*pair)[2])
                    if found := complaints(*pair):
                        wrong = outcome.wrong.setdefault(_kind(found), [])
                        if (table.number, number) not in wrong:
                            wrong.append((table.number, number))
            outcome.pairs += len(envoy)
            outcome.statuses.update(str(answer.status) for answer in envoy)
    return outcome


def _kind(found: Sequence[str]) -> str:
    """What is wrong, without the values."""
    kinds = (_NUMBER.sub("", complaint.partition(":")[0]) for complaint in found)
    return "; ".join(dict.fromkeys(kinds))


_NUMBER = re.compile(r"-[0-9]+(?=,)")


# ------------------------------------------------------------------ a disagreement, made small
@dataclass(frozen=True)
class Disagreement:
    """The shortest request that still shows it, both answers, and what is wrong.

    ``found`` is empty where the two agree once the request comes alone.
    """

    yaml: str
    asked: Asked
    envoy: Answer
    ours: Answer
    found: Sequence[str]


async def explain(
    seed: int, number: int, request: int, requests: int, pods: Pods, nic: NicDriver
) -> Disagreement:
    """Ask request *request* of table *number* again, alone, and shorten it as far as it goes."""
    table = await _table(seed, number, requests, pods)
    async with AsyncExitStack() as stack:
        (envoy,) = await stack.enter_async_context(envoy_running([table.mesh]))
        fronts = [await stack.enter_async_context(gateway_running(table.mesh, None))]
        fronts.append(await stack.enter_async_context(gateway_running(table.mesh, nic)))
        late = has_mirrors(table.mesh)

        async def ask(asked: Asked) -> Disagreement:
            (theirs,) = await ask_all(envoy[80], [asked], pods, late=late)
            for front in fronts:
                (ours,) = await ask_all(front.port, [asked], pods, late=late)
                if found := complaints(asked.request, theirs, ours):
                    break
            return Disagreement(table.yaml, asked, theirs, ours, found)

        shown = await ask(table.asked[request])
        shorter = True
        while shown.found and shorter:
            shorter = False
            for candidate in _shorter(shown.asked):
                tried = await ask(candidate)
                if tried.found:
                    shown, shorter = tried, True
                    break
        return shown


def _shorter(asked: Asked) -> list[Asked]:
    """The request with a part left out, in all ways."""
    request = asked.request
    lines = request.lines
    found = [
        replace(request, lines=(*lines[:at], *lines[at + 1 :]))
        for at, line in enumerate(lines)
        if not line.lower().startswith(("content-length", "transfer-encoding", "host"))
    ]
    if request.body:
        kept = (n for n in lines if not n.startswith(("content-length", "transfer-encoding")))
        found.append(replace(request, lines=tuple(kept), body=""))
    method, target, version = request.line.split(" ")
    path, mark, query = target.partition("?")
    if mark:
        found.append(replace(request, line=f"{method} {path} {version}"))
        parts = query.split("&")
        for at in range(len(parts)) if len(parts) > 1 else ():
            rest = "&".join(parts[:at] + parts[at + 1 :])
            found.append(replace(request, line=f"{method} {path}?{rest} {version}"))
    smaller = [replace(asked, request=one) for one in found]
    return ([replace(asked, script=())] if asked.script else []) + smaller

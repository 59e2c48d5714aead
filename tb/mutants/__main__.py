"""Put small faults into the sources, one at a time, and see whether the tests notice."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from hybridmesh.errors import HybridMeshError

from .argued import ARGUED, Argued
from .depends import Dependencies
from .mutant import Mutant, mutants_of, sample
from .report import Report, explained
from .session import run
from .suites import ROOMS, Room, Suites
from .workshop import root

PLACE = root / "build" / "mutants"

_SAMPLE = 4
"""Mutants of each source, where not all are asked for."""

_INTERVAL = 30.0
"""Seconds between two lines of progress."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tb.mutants", description=__doc__)
    parser.add_argument("place", nargs="*", help=f"a source, or of {', '.join(ROOMS)}; else all")
    number = parser.add_mutually_exclusive_group()
    number.add_argument("--all", action="store_true", help="not a sample")
    number.add_argument("--sample", type=int, default=_SAMPLE, help="of each source; %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--list", action="store_true", help="name the mutants, and try none")
    parser.add_argument("--only", metavar="NAME", help="try one and show it; NAME as in --list")
    args = parser.parse_args()
    suites = Suites(root, Dependencies(root))
    try:
        argued = Argued(ARGUED)
        argued.check(mutant for path in argued.sources() for mutant in mutants_of(root, path))
        if args.only:
            return _show(args.only, suites, argued)
        chosen = []
        for path in _sources(args.place, suites):
            mutants = mutants_of(root, path)
            chosen.append(mutants if args.all else sample(mutants, args.sample, args.seed))
        chosen = [mutants for mutants in chosen if mutants]
        if args.list:
            for mutant in (mutant for mutants in chosen for mutant in mutants):
                print(f"{mutant.name}  {mutant.lines[1]}")
            return 0
        return _run(chosen, suites, argued, args.jobs)
    except HybridMeshError as error:
        sys.exit(f"mutants: {error}")
    except KeyboardInterrupt:
        sys.exit("mutants: interrupted; what is tried already is not tried again")


def _sources(places: Sequence[str], suites: Suites) -> list[str]:
    """The sources at *places*, each a room or one source; all if there is none."""
    sources = []
    for place in places or ROOMS:
        place = place.rstrip("/")
        if place in ROOMS:
            sources += suites.sources(ROOMS[place])
        elif place in suites.sources(_room(place)):
            sources.append(place)
        else:
            raise HybridMeshError(f"{place} is not mutated", remedy=f"choose of {', '.join(ROOMS)}")
    return sources


def _room(path: str) -> Room:
    folder = str(Path(path).parent)
    if folder not in ROOMS:
        raise HybridMeshError(f"{path} is not mutated", remedy=f"choose of {', '.join(ROOMS)}")
    return ROOMS[folder]


def _run(chosen: Sequence[Sequence[Mutant]], suites: Suites, argued: Argued, jobs: int) -> int:
    report = Report(argued)
    total, tried = sum(map(len, chosen)), 0
    begun = last = monotonic()
    for done, one in enumerate(run(chosen, PLACE, suites, jobs), 1):
        report.add(one)
        tried += one.now
        now = monotonic()
        if one.now and now - last > _INTERVAL:
            last, rate = now, 60 * tried / (now - begun)
            line = f"{done:,} of {total:,}, {rate:.1f} a minute, now {one.mutant.path}"
            print(line, file=sys.stderr, flush=True)
    print(*report.lines(), sep="\n", flush=True)
    return 0 if report.right else 1


def _show(name: str, suites: Suites, argued: Argued) -> int:
    path = name.partition(":")[0]
    found = [mutant for mutant in mutants_of(root, path) if mutant.name == name]
    if not found:
        raise HybridMeshError(f"there is no mutant {name}", remedy="see --list --all")
    (tried,) = run([found], PLACE, suites, 1)
    why = argued.why(tried.mutant)
    print(*explained(tried.mutant, tried.result, why), sep="\n")
    report = Report(argued)
    report.add(tried)
    return 0 if report.right else 1


if __name__ == "__main__":
    sys.exit(main())

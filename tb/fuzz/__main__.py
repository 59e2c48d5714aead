"""Fuzz the targets one after the other, each for some time."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from hybridmesh.errors import HybridMeshError

from .engines import Outcome, atheris_is_here, by_atheris, by_hypothesis, merge
from .target import put
from .targets import TARGETS

_INTERVAL = 15.0
"""Seconds between two lines of progress."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tb.fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", help=f"{', '.join(TARGETS)}; all by default")
    parser.add_argument("--seconds", type=int, default=60, help="for each of them")
    parser.add_argument("--input", type=Path, metavar="FILE", help="put this one input to it")
    parser.add_argument(
        "--merge", action="store_true", help="bring what runs have found into the repository"
    )
    args = parser.parse_args()
    if unknown := set(args.target) - set(TARGETS):
        parser.error(f"no such target: {', '.join(unknown)}")
    names = args.target or list(TARGETS)
    try:
        if args.input is not None:
            complained = [_complained(name, args.input.read_bytes()) for name in names]
            return int(any(complained))
        if args.merge:
            for name in names:
                merge(name)
            return 0
        for name in names:
            if _failed(name, args.seconds):
                return 1
    except KeyboardInterrupt:
        sys.exit("interrupted; inputs that reached more are kept in build/fuzz")
    except (HybridMeshError, OSError) as error:
        sys.exit(f"tb.fuzz: {error}")
    return 0


def _failed(name: str, seconds: int) -> bool:
    """Fuzz target *name*, and say what has come of it."""
    engine = by_atheris if atheris_is_here() else by_hypothesis
    begun = monotonic()
    outcome = engine(name, seconds, _progress(name, begun))
    spent = f"{outcome.tried:,} inputs in {monotonic() - begun:,.0f} s"
    if outcome.failed is not None:
        _complained(name, outcome.failed)
        print(f"{name}: one of {spent} is complained about", flush=True)
        return True
    print(f"{name}: {TARGETS[name].claim}: {_counted(outcome, spent)}", flush=True)
    return False


def _counted(outcome: Outcome, spent: str) -> str:
    if not atheris_is_here():
        return f"{spent}, without guidance as atheris is missing, no complaint"
    return f"{spent}, {outcome.kept:,} reached more than those before, no complaint"


def _complained(name: str, data: bytes) -> bool:
    """Put *data* to target *name*, and show what is complained about."""
    try:
        put(TARGETS[name], data)
    except Exception as error:
        text = str(error).replace("\n", "\n  ")
        print(f"{name}: {data!r}\n  {type(error).__name__}: {text}", flush=True)
        return True
    return False


def _progress(name: str, begun: float) -> Callable[[int], None]:
    """Says on stderr now and then how far a run is."""
    last = begun

    def progress(tried: int) -> None:
        nonlocal last
        now = monotonic()
        if now - last > _INTERVAL:
            last = now
            rate = tried / (now - begun)
            print(f"{name}: {tried:,} inputs, {rate:,.0f} a second", file=sys.stderr, flush=True)

    return progress


if __name__ == "__main__":
    sys.exit(main())

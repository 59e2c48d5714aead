"""``python -m tests.conformance``: ask the real Envoy."""

import argparse
import sys

from hybridmesh.config import ConfigError
from tb.referee.progress import progress

from .cases import cases, keep_answers
from .envoy import MISSING, is_installed
from .exchange import Answer
from .pairs import Outcome
from .report import told
from .run import PLACE, Run
from .stage import Stage

__all__ = ["main"]

_SHOWN = 10
"""Most kinds of disagreement of which one is shown."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("record", help="write down what Envoy answers in all cases by hand")
    pairs = commands.add_parser("random", help="compare the gateway with Envoy, by chance")
    pairs.add_argument("--pairs", type=int, default=20_000, help="how many; default %(default)s")
    pairs.add_argument("--seed", type=int, default=1)
    pairs.add_argument("--nic", choices=("sim", "reference"), default="sim")
    pairs.add_argument("--only", metavar="TABLE:REQUEST", help="show one pair and no other")
    args = parser.parse_args()
    if not is_installed():
        sys.exit(MISSING)
    if args.command == "record":
        return _record()
    run = Run(args.seed, args.pairs, args.nic)
    if args.only:
        table, _, request = args.only.partition(":")
        return 1 if _show(run, int(table), int(request)) else 0
    return _random(run)


def _record() -> int:
    said: dict[str, dict[str, list[Answer]]] = {}
    refused = 0
    with Stage() as stage:
        for case in cases():
            if case.live:
                continue
            try:
                said.setdefault(case.file, {})[case.name] = stage.ask_envoy(case)
            except ConfigError as error:
                refused += not case.pending
                print(f"{case.file}: {case.name}: {error}", file=sys.stderr)
    for file, answers in said.items():
        keep_answers(file, answers)
    return 1 if refused else 0


def _random(run: Run) -> int:
    try:
        with progress("conformance", run.pairs, run.outcome.pairs, "pairs") as advance:
            for pairs in run.go_on():
                advance(pairs)
    except KeyboardInterrupt:
        sys.exit(f"interrupted; with --seed {run.seed} it goes on where it was")
    outcome = run.outcome
    for what, pairs in list(outcome.wrong.items())[:_SHOWN]:
        print(f"=== {len(pairs):,} times: {what}")
        _show(run, *pairs[0])
    print(*_summary(run, outcome), sep="\n", flush=True)
    return 1 if outcome.wrong else 0


def _show(run: Run, table: int, request: int) -> bool:
    """Show a pair, the request made short; whether it is disagreed on."""
    shown = run.explain(table, request)
    PLACE.mkdir(parents=True, exist_ok=True)
    path = PLACE / f"table-{run.seed}-{table}.yaml"
    path.write_text(shown.yaml)
    print(f"pair {table}:{request}, routes in {path}")
    found = shown.found or ["nothing, when it comes alone"]
    print(told(shown.asked.request, shown.envoy, shown.ours, found), flush=True)
    return bool(shown.found)


def _summary(run: Run, outcome: Outcome) -> list[str]:
    statuses = ", ".join(f"{code} {count:,}" for code, count in outcome.statuses.most_common())
    found = ", ".join(f"{name} {count:,}" for name, count in outcome.differences.most_common())
    if outcome.wrong:
        wrong = {pair for pairs in outcome.wrong.values() for pair in pairs}
        result = f"Envoy and the gateway disagree on {len(wrong):,} of"
    else:
        result = "Envoy and the gateway agree on all"
    return [
        f"conformance: Envoy answered {statuses}",
        f"conformance: deliberate differences: {found}",
        f"conformance: {result} {outcome.pairs:,} pairs ({outcome.unparsed:,} went through the NIC "
        f"unparsed; seed {run.seed})",
    ]


if __name__ == "__main__":
    sys.exit(main())

"""Put heads to the reference model and the RTL, and let llhttp judge their verdicts."""

import argparse
import sys
from collections.abc import Sequence

from .heads import make
from .progress import progress
from .report import explained, summary
from .shards import PLACE, State, run
from .subjects import SUBJECTS

_SHOWN = 20
"""Most heads that are shown of those that the referees complain about."""


def main() -> int:
    default = ", ".join(f"{entry.heads:,} for {name}" for name, entry in SUBJECTS.items())
    parser = argparse.ArgumentParser(prog="python -m tb.referee", description=__doc__)
    parser.add_argument("subject", nargs="*", help=f"{', '.join(SUBJECTS)}; all by default")
    parser.add_argument("--heads", type=int, help=f"how many; by default {default}")
    parser.add_argument("--seed", type=int, default=1, help="of the heads")
    parser.add_argument("--only", type=int, metavar="N", help="explain head N and no other")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    args = parser.parse_args()
    if unknown := set(args.subject) - set(SUBJECTS):
        parser.error(f"no such subject: {', '.join(unknown)}")
    right = True
    for subject in args.subject or SUBJECTS:
        if args.only is not None:
            right &= not _explain(subject, args.seed, [args.only])
        else:
            right &= _run(subject, args.seed, args.heads or SUBJECTS[subject].heads, args.jobs)
    return 0 if right else 1


def _run(subject: str, seed: int, heads: int, jobs: int) -> bool:
    """Whether there was nothing to complain about."""
    state = State(subject, seed, heads, PLACE)
    try:
        with progress(subject, heads, state.done().heads) as advance:
            for judged in run(subject, seed, state, jobs):
                advance(judged)
    except KeyboardInterrupt:
        sys.exit(f"interrupted; with --seed {seed} it goes on where it was")
    tally = state.done()
    _explain(subject, seed, sorted(tally.wrong)[:_SHOWN])
    print(*summary(subject, seed, tally, SUBJECTS[subject].reasons), sep="\n", flush=True)
    return not tally.wrong


def _explain(subject: str, seed: int, numbers: Sequence[int]) -> bool:
    """Show what is said of heads *numbers*; whether there was anything to complain about."""
    if not numbers:
        return False
    opened = SUBJECTS[subject].open()
    cases = [make(seed, number) for number in numbers]
    outcomes = [opened.judge([case])[0] for case in cases]
    for case, outcome in zip(cases, outcomes, strict=True):
        print(subject, end=": ")
        print(*explained(case, outcome), sep="\n")
    return any(outcome.complaints for outcome in outcomes)


if __name__ == "__main__":
    sys.exit(main())

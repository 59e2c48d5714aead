"""Run a bench by hand: ``python -m tb nic_core width8 --waves``."""

import argparse
import sys

from .lib.design import benches, designs
from .lib.runner import simulate


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tb", description=__doc__)
    parser.add_argument("bench", choices=benches())
    parser.add_argument("design", nargs="?", help="one of the bench's designs; all by default")
    parser.add_argument("--test", help="regular expression of the tests to run")
    parser.add_argument("--long", action="store_true", help="run the long form")
    parser.add_argument("--seed", default="", help="other random traffic than by default")
    parser.add_argument("--waves", action="store_true", help="write dump.fst")
    args = parser.parse_args()
    known = designs(args.bench)
    if args.design is not None and args.design not in known:
        parser.error(f"{args.bench} runs on {', '.join(known)}")
    for name, design in known.items():
        if args.design in (None, name):
            try:
                simulate(
                    args.bench,
                    design,
                    test=args.test,
                    long=args.long,
                    seed=args.seed,
                    waves=args.waves,
                )
            except AssertionError as error:
                sys.exit(str(error))
            print(f"{args.bench} on {name}: passed")


if __name__ == "__main__":
    main()

"""``python -m tests.conformance``: ask Envoy."""

import argparse
import sys

from hybridmesh.config import ConfigError

from .cases import cases, keep_answers
from .envoy import MISSING, is_installed
from .exchange import Answer
from .stage import Stage

__all__ = ["main"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("record", help="write down what Envoy answers in all cases")
    parser.parse_args()
    if not is_installed():
        sys.exit(MISSING)
    return _record()


def _record() -> int:
    """Whether all cases could be asked."""
    said: dict[str, dict[str, list[Answer]]] = {}
    with Stage() as stage:
        for case in cases():
            if case.live:
                continue
            try:
                said.setdefault(case.file, {})[case.name] = stage.ask_envoy(case)
            except ConfigError as error:
                print(f"{case.file}: {case.name}: {error}", file=sys.stderr)
    for file, answers in said.items():
        keep_answers(file, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())

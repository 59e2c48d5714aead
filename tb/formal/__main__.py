"""Prove what is claimed of the RTL: ``python -m tb.formal [PROOF...]``."""

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hybridmesh.errors import HybridMeshError

from .proof import Fault, Proof
from .proofs import PROOFS
from .solver import Outcome, check

_BUILD = Path(__file__).resolve().parents[2] / "build" / "formal"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tb.formal", description=__doc__)
    parser.add_argument("proofs", nargs="*", metavar="PROOF", help="all of them by default")
    parser.add_argument("--list", action="store_true", help="say what there is to prove")
    args = parser.parse_args()
    unknown = [name for name in args.proofs if name not in PROOFS]
    if unknown:
        parser.error(f"there is no proof {unknown[0]!r}; choose of {', '.join(PROOFS)}")
    chosen = [PROOFS[name] for name in args.proofs or PROOFS]
    if args.list:
        for proof in chosen:
            print(f"{proof.name:16} {proof.claim}")
        return
    try:
        sys.exit(_prove(chosen))
    except HybridMeshError as error:
        sys.exit(f"formal: {error}")
    except KeyboardInterrupt:
        sys.exit("formal: interrupted; what is proven already is not proven again")


def _prove(proofs: list[Proof]) -> int:
    """Check *proofs* and their faults; the exit code."""
    begun = time.monotonic()
    holding = noticed = faults = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            checks = [
                (proof, [pool.submit(_check, proof, fault) for fault in (None, *proof.faults)])
                for proof in proofs
            ]
            for proof, (sound, *broken) in checks:
                holds = sound.result() is Outcome.HOLDS
                caught = sum(future.result() is Outcome.FAILS for future in broken)
                holding += holds
                noticed += caught
                faults += len(broken)
                print(_line(proof, holds, caught, len(broken)), flush=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    print(
        f"{holding} of {len(proofs)} claims hold, {noticed} of {faults} faults are noticed "
        f"({time.monotonic() - begun:.0f} s)"
    )
    return 0 if (holding, noticed) == (len(proofs), faults) else 1


def _check(proof: Proof, fault: Fault | None) -> Outcome:
    name = proof.name if fault is None else f"{proof.name}-fault{proof.faults.index(fault)}"
    clocks = proof.clocks
    if fault is not None and clocks is None:
        clocks = proof.fault_clocks
    return check(proof.design(fault), _BUILD / name, clocks)


def _line(proof: Proof, holds: bool, caught: int, faults: int) -> str:
    span = "forever" if proof.clocks is None else f"for {proof.clocks} clocks"
    outcome = f"holds {span}" if holds else f"FAILS, see {_BUILD / proof.name}"
    return f"{proof.name:16} {outcome}, {caught} of {faults} faults noticed: {proof.claim}"


if __name__ == "__main__":
    main()

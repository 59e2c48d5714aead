"""All proofs by name, the quick ones first."""

from . import admission, ethernet, flip, lexer, machine, priority, shim, streams

__all__ = ["PROOFS"]

PROOFS = {
    proof.name: proof
    for room in (streams, admission, ethernet, priority, flip, machine, shim, lexer)
    for proof in room.PROOFS
}

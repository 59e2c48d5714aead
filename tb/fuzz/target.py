"""A target: what is done with arbitrary bytes, and what must be true of the outcome."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from itertools import islice

__all__ = ["Check", "DisagreementError", "Seen", "Target", "put"]

Seen = Callable[[Hashable], object]
"""Is told of what an input reaches, where that does not show in the lines of code that run."""

Check = Callable[[bytes, Seen], Iterator[str]]
"""Complains about what becomes of some bytes; an exception that gets out is a complaint, too."""


class DisagreementError(AssertionError):
    """Two opinions on one input; the message says which."""


@dataclass(frozen=True)
class Target:
    """What bytes are put to.

    Attributes
    ----------
    claim : str
        What is true whatever the bytes are.
    check : Check
    words : tuple of bytes
        What the fuzzer would not find by itself in reasonable time.
    longest : int
        Bytes of the longest input that it makes.
    """

    claim: str
    check: Check
    words: tuple[bytes, ...]
    longest: int


def put(target: Target, data: bytes, seen: Seen = lambda feature: None) -> None:
    """Put *data* to *target*; raises :exc:`DisagreementError` with the first complaints."""
    if complaints := list(islice(target.check(data, seen), _MOST)):
        raise DisagreementError("\n".join(complaints))


_MOST = 3

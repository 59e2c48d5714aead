"""Entries of the host space: an exact host, ``*.suffix``, or ``*``.

Keys are host bytes in reversed order, so that a suffix is a beginning.  An entry that the NIC
cannot hold matches more.
"""

from ..contract.geometry import Space
from ..contract.table import Tcam
from .pattern import Pattern, put

__all__ = ["fits", "write_entry"]

_MORE = (0xFFFF, 0xFFFE)
"""Any byte but the terminator: no byte of a decided host has a high nibble of 0."""


def fits(domain: str, space: Space) -> bool:
    """Whether an entry of *space* can tell exactly the hosts of *domain*."""
    pattern = _pattern(domain)
    one_more = not pattern.exact and domain != "*"
    return not pattern.impossible and len(pattern.key) + one_more <= space.positions


def write_entry(tcam: Tcam, entry: int, domain: str) -> None:
    """Let *entry* accept the hosts of *domain*."""
    pattern = _pattern(domain)
    put(tcam, entry, pattern)
    end = len(pattern.data)
    if not pattern.exact and domain != "*" and end < tcam.space.positions:
        tcam.allow(entry, end, *_MORE)


def _pattern(domain: str) -> Pattern:
    text = domain.lower().encode()
    exact = not text.startswith(b"*")
    reversed_text = (text if exact else text[1:])[::-1]
    return Pattern(reversed_text, exact, folded=len(reversed_text))

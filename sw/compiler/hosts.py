"""Virtual hosts as entries of the host space, in Envoy's order of precedence.

Keys are host bytes in reversed order, so that ``*.example.com`` is a prefix.  Entries that the NIC
cannot hold become one that matches more and leads to the overflow class: the CPU chooses there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..config.model import VirtualHost
from ..contract.table import TableImage
from .pattern import Pattern, put

__all__ = ["HostsReport", "precedence", "write_hosts"]

_MORE = (0xFFFF, 0xFFFE)
"""Any byte but the terminator: no byte of a decided host has a high nibble of 0."""


@dataclass(frozen=True)
class HostsReport:
    """``used`` of ``capacity`` entries; ``left`` are the domains whose host the CPU looks up."""

    used: int
    capacity: int
    left: tuple[str, ...]


def precedence(domain: str) -> tuple[int, int]:
    """Sort key of *domain*: exact, longest suffix, longest prefix, any."""
    if domain == "*":
        return 3, 0
    if domain.startswith("*"):
        return 1, -len(domain)
    if domain.endswith("*"):
        return 2, -len(domain)
    return 0, 0


def write_hosts(
    image: TableImage,
    hosts: Sequence[VirtualHost],
    classes: Mapping[int, int],
    overflow: int,
) -> HostsReport:
    """Fill the host space; *classes* gives the class of a host's routes by their identity."""
    capacity = image.geometry.hosts
    ordered = sorted(hosts, key=lambda host: precedence(host.domain))
    entries: list[tuple[str, int]] = []
    left: list[str] = []
    for host in ordered:
        number = classes.get(id(host.routes), overflow)
        if precedence(host.domain)[0] == 2 or not _fits(image, host.domain):
            number = overflow
        if number == overflow:
            left.append(host.domain)
        entries.append((host.domain, number))
    # The last in precedence have no entry: their hosts get class 0, which the catch-all row takes.
    left += [domain for domain, number in entries[capacity:] if number != overflow]
    del entries[capacity:]
    for entry, (domain, number) in enumerate(entries):
        image.host_class[entry] = number
        _write(image, entry, domain)
    return HostsReport(len(entries), capacity, tuple(left))


def _pattern(domain: str) -> Pattern:
    """The part of *domain* that a reversed key can tell; a leading part it cannot."""
    text = domain.lower().encode()
    if text.endswith(b"*"):
        return Pattern(b"", exact=False)
    exact = not text.startswith(b"*")
    reversed_text = (text if exact else text[1:])[::-1]
    return Pattern(reversed_text, exact, folded=len(reversed_text))


def _fits(image: TableImage, domain: str) -> bool:
    pattern = _pattern(domain)
    one_more = not pattern.exact and domain != "*"
    return not pattern.impossible and len(pattern.key) + one_more <= image.geometry.host_bytes


def _write(image: TableImage, entry: int, domain: str) -> None:
    pattern = _pattern(domain)
    put(image.host, entry, pattern)
    end = len(pattern.data)
    if domain.startswith("*") and domain != "*" and end < image.geometry.host_bytes:
        image.host.allow(entry, end, *_MORE)

"""Virtual hosts on the NIC, by Envoy's precedence: exact, longest suffix, longest prefix, any.

Exact hosts and suffixes are entries of the host space, which gives a host its class.  The prefix in
``shop.*`` shows in the Host line instead: where a table has prefixes, they and ``*`` share class 0,
that of hosts without entry, and their rows also ask for predicates.  Whatever of this the NIC
cannot hold leads to the overflow class or to no row, and the CPU chooses the virtual host.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from ..config.model import Route, VirtualHost
from ..contract.table import TableImage
from .host_space import fits, write_entry
from .predicates import Predicates
from .prefixes import Tests, prefix_tests

__all__ = ["CLASSES", "HostGroup", "HostPlan", "place_hosts"]

CLASSES = 254
"""Classes that a group of hosts can have; they count from 1."""

_NO_CLASS = 0
_OVERFLOW = CLASSES + 1
"""Class of hosts that an entry finds but cannot tell apart; only the catch-all row takes it."""


@dataclass(frozen=True)
class HostGroup:
    """Virtual hosts that share one list of routes, and the rows that these take.

    What a row asks to be theirs: the class ``number``, and ``tests``.
    """

    routes: tuple[Route, ...]
    domains: tuple[str, ...]
    number: int
    tests: Tests = ()


@dataclass(frozen=True)
class HostPlan:
    """The ``groups`` in the order of the table; ``used`` entries of the host space; ``classes``
    taken; ``left`` are the domains whose virtual host the CPU looks up, and ``unsure`` the classes
    that their hosts get."""

    groups: tuple[HostGroup, ...]
    used: int
    classes: int
    left: tuple[str, ...]
    unsure: tuple[int, ...]


def _precedence(domain: str) -> tuple[int, int]:
    """Sort key of *domain*: exact, longest suffix, longest prefix, any."""
    if domain == "*":
        return 3, 0
    if domain.startswith("*"):
        return 1, -len(domain)
    if domain.endswith("*"):
        return 2, -len(domain)
    return 0, 0


def place_hosts(
    image: TableImage, hosts: Sequence[VirtualHost], predicates: Predicates
) -> HostPlan:
    """Fill the host space, and take the predicates that prefixes need."""
    capacity = image.geometry.hosts
    domains = sorted((host.domain for host in hosts), key=_precedence)
    prefixes = [domain for domain in domains if _precedence(domain)[0] == 2]
    named = [domain for domain in domains if _precedence(domain)[0] < 2] if prefixes else domains
    # A star stands for one byte or more, and the NIC decides no host that ends in a dot.
    bare = sorted({p[:-1] for p in prefixes if not p.endswith(".*")}.difference(named))
    by_line: Mapping[str, Tests] = {}
    if prefixes and len(named) + len(bare) <= capacity:
        by_line = prefix_tests(prefixes, predicates)
    groups = _groups(hosts, by_line)
    numbers = {domain: group.number for group in groups for domain in group.domains}

    entries = [(domain, _OVERFLOW) for domain in (bare if by_line else ())]
    entries += [(d, numbers[d] if fits(d, image.host.space) else _OVERFLOW) for d in named]
    # The last ones may find no room, and prefixes nothing to tell them by.
    unclassed = [domain for domain, _ in entries[capacity:]]
    unclassed += [domain for domain in domains[len(named) :] if domain not in by_line]
    entries = entries[:capacity]
    for entry, (domain, number) in enumerate(entries):
        image.host_class[entry] = number
        write_entry(image.host, entry, domain)
    blurred = [domain for domain, number in entries if number == _OVERFLOW]
    return HostPlan(
        groups,
        used=len(entries),
        classes=sum(_NO_CLASS < group.number < _OVERFLOW for group in groups),
        left=(*blurred, *unclassed),
        unsure=(_OVERFLOW,) * bool(blurred) + (_NO_CLASS,) * bool(unclassed),
    )


def _groups(hosts: Sequence[VirtualHost], by_line: Mapping[str, Tests]) -> tuple[HostGroup, ...]:
    members: dict[tuple[int, str], list[VirtualHost]] = {}
    for host in hosts:
        alone = host.domain if host.domain in by_line else ""
        members.setdefault((id(host.routes), alone), []).append(host)
    numbers = count(1)
    return tuple(
        HostGroup(
            group[0].routes,
            tuple(host.domain for host in group),
            _NO_CLASS if alone else min(next(numbers), _OVERFLOW),
            by_line.get(alone, ()),
        )
        for (_, alone), group in members.items()
    )

"""The exact route matcher: which route Envoy would choose for a request head.

It is the referee of the NIC in the tests and the proxy's own answer where the NIC has none.
"""

from dataclasses import dataclass

from ..config.model import Route, RouteTable, VirtualHost
from .conditions import conditions, path_condition
from .head import Head
from .index import HostIndex, RouteIndex

__all__ = ["Hit", "RouteMatcher"]


@dataclass(frozen=True, slots=True)
class Hit:
    """The route chosen, and where it stands: number ``index`` of the virtual host's routes."""

    virtual_host: VirtualHost
    route: Route
    index: int


class RouteMatcher:
    """Chooses routes of *table*; its cost does not grow with the number of exact and prefix routes.

    Raises
    ------
    CompileError
        Where a regex is not RE2 syntax.
    """

    def __init__(self, table: RouteTable) -> None:
        self._hosts = HostIndex(table.virtual_hosts)
        self._routes: dict[int, RouteIndex] = {}
        for host in table.virtual_hosts:
            if id(host.routes) not in self._routes:
                self._routes[id(host.routes)] = RouteIndex(host.routes)

    def virtual_host(self, host: str) -> VirtualHost | None:
        """The virtual host of *host*, which is lower case and without port."""
        return self._hosts.find(host)

    def match(self, head: Head, start: int = 0) -> Hit | None:
        """The first route that matches, from number *start* of its virtual host's routes on.

        None means 404: once a virtual host is chosen there is no going back to another one.
        """
        host = self.virtual_host(head.host)
        if host is None:
            return None
        index = self._routes[id(host.routes)].find(head, start)
        return None if index is None else Hit(host, host.routes[index], index)

    def passed_over(self, head: Head) -> list[tuple[Route, str]]:
        """The routes before the one that matches, each with the first condition that failed.

        It is an explanation for people, and looks at one route after the other.
        """
        host = self.virtual_host(head.host)
        passed = []
        for route in () if host is None else host.routes:
            failure = _failure(route, head)
            if failure is None:
                break
            passed.append((route, failure))
        return passed


def _failure(route: Route, head: Head) -> str | None:
    """The first condition of *route* that does not hold, in words."""
    match = route.match
    checks = [] if match.path is None else [path_condition(match.path)]
    checks += conditions(match)
    for condition in checks:
        if not condition.holds(head):
            return condition.failure(head)
    return None

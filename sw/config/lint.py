"""Checks on a finished mesh: what is legal, and yet not what most people mean.

Every claim is one that surely holds; where it cannot be told, nothing is said.
"""

from collections.abc import Iterable

import re2

from .findings import Report
from .model import Forward, MatchKind, Mesh, Redirect, Route, RouteTable, StringMatch, VirtualHost
from .shadow import first_covers
from .values import compile_regex

__all__ = ["examine"]


def examine(mesh: Mesh, report: Report) -> None:
    """Report what in *mesh* may surprise."""
    for listener in mesh.listeners:
        if listener.table is not None:
            _table(listener.table, "http", report)
        for server in listener.servers:
            _table(server.table, "https", report)


def _table(table: RouteTable, scheme: str, report: Report) -> None:
    hosts = table.virtual_hosts
    _wildcards(hosts, report)
    for routes in {id(host.routes): host.routes for host in hosts}.values():
        for route in routes:
            if route.match.path is not None:
                _path(route, route.match.path, report)
            if isinstance(route.action, Redirect):
                _redirect(route, route.action, table.port, scheme, report)
            elif isinstance(route.action, Forward):
                _rewrite(route, route.action, report)
        for index, cover in first_covers(routes):
            _shadowed(routes[index], routes[cover], report)


def _path(route: Route, path: StringMatch, report: Report) -> None:
    value = path.value
    if not _may_match_a_path(path):
        report.warning(
            route.location,
            f"{path.kind.value} {value!r} never matches: a path begins with '/'",
            "begin it with '/'",
        )
    elif path.kind is MatchKind.PREFIX and value[-1].isalnum():
        report.warning(
            route.location,
            f"prefix {value!r} also matches {value + 'bar'!r}: it is compared as a plain string",
            f"to match what is below it alone, use two blocks: exact {value!r}, "
            f"prefix {value + '/'!r}",
        )


def _redirect(route: Route, redirect: Redirect, port: int, scheme: str, report: Report) -> None:
    if redirect.path and not redirect.path.startswith("/"):
        report.warning(
            route.location,
            f"the redirect's uri {redirect.path!r} is joined to the host as it is",
            "begin it with '/'",
        )
    elsewhere = redirect.authority or redirect.path or redirect.scheme not in ("", scheme)
    if not elsewhere and redirect.port in (0, port):
        report.warning(
            route.location,
            "the redirect sends clients to where they come from",
            "give it another 'uri', 'authority', 'scheme' or 'port'",
        )


def _rewrite(route: Route, forward: Forward, report: Report) -> None:
    """The prefix is replaced letter by letter: slashes may be doubled, or get lost."""
    path, rewrite = route.match.path, forward.prefix_rewrite
    if not rewrite or path is None or path.kind is not MatchKind.PREFIX:
        return
    if path.value.endswith("/") is not rewrite.endswith("/"):
        asked = path.value.rstrip("/") + "/x"
        report.warning(
            route.location,
            f"the rewrite turns {asked!r} into {rewrite + asked[len(path.value) :]!r}",
            "end both prefix and rewrite with '/', or neither",
        )


def _may_match_a_path(path: StringMatch) -> bool:
    if path.kind is not MatchKind.REGEX:
        return path.value.startswith("/")
    try:
        low, high = compile_regex(path.value).possiblematchrange(8)
    except re2.error:  # it cannot tell
        return True
    return bool(low <= b"/\xff" and high >= b"/")


def _shadowed(route: Route, cover: Route, report: Report) -> None:
    message = f"never reached: all that it matches is matched by the route at {cover.location}"
    if route.id == cover.id:  # of one http entry, so the answer is the same
        report.note(route.location, message, "remove it")
    else:
        report.warning(route.location, message, "move it above that route, or remove it")


def _wildcards(hosts: Iterable[VirtualHost], report: Report) -> None:
    """A request stays with the narrowest host; it does not go on to a wider one."""
    by_domain = {host.domain: host for host in hosts}
    for host in by_domain.values():
        for wider in _wider(host.domain):
            other = by_domain.get(wider)
            if other is not None and other.routes is not host.routes and host.routes:
                report.note(
                    host.routes[0].location,
                    f"requests for {host.domain!r} never try the routes of {wider!r} "
                    f"at {other.routes[0].location}",
                )
                break


def _wider(domain: str) -> Iterable[str]:
    """``*.b.c``, ``*.c`` and ``*`` for ``a.b.c``, the narrowest first."""
    labels = domain.removeprefix("*.").split(".")
    start = 0 if domain.startswith("*.") else 1
    for cut in range(start, len(labels)):
        wider = "*." + ".".join(labels[cut:])
        if wider != domain:
            yield wider
    if domain != "*":
        yield "*"

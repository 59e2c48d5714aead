"""What an ``http`` entry does with a request, as istiod tells Envoy."""

from collections.abc import Iterator

from .clusters import Clusters
from .doors import Door
from .findings import Report
from .istio.destinations import Destination, WeightedDestination
from .istio.virtual_service import HttpRoute
from .model import (
    NO_CHANGE,
    Action,
    CorsPolicy,
    Fault,
    Forward,
    HeaderChange,
    HeaderOps,
    Mirror,
    RetryPolicy,
    WeightedCluster,
)

__all__ = ["action_of", "cors_of", "fault_of", "headers_of"]


def action_of(entry: HttpRoute, door: Door, clusters: Clusters, report: Report) -> Action:
    """The action of *entry*, whose names are in full, for who comes in by *door*."""
    if entry.redirect is not None or entry.direct_response is not None:
        _report_idle(entry, report)
    if entry.redirect is not None:
        return entry.redirect.action(door.port, secure=door.secure)
    if entry.direct_response is not None:
        return entry.direct_response.action
    rewrite = entry.rewrite
    regex = rewrite.uri_regex_rewrite if rewrite else None
    targets = _targets(entry, report)
    hashes = [clusters.hash_of(target.destination) for target in targets]
    # A retry of a request that belongs to a pod stays there, unless there are several clusters.
    other_hosts = len(entry.route) > 1 or hashes[0] is None
    retries = entry.retries or clusters.retries
    policies = (one.policy for one in hashes if one is not None)
    return Forward(
        clusters=tuple(_clusters(entry, targets, clusters)),
        timeout=entry.timeout or None,
        retry=(retries.policy(other_hosts) if retries else RetryPolicy(other_hosts=other_hosts)),
        prefix_rewrite=rewrite.uri if rewrite else "",
        regex_rewrite=regex.model if regex else None,
        authority=_authority(entry),
        mirrors=tuple(_mirrors(entry, clusters)),
        hash=tuple(filter(None, policies)),
    )


def _report_idle(entry: HttpRoute, report: Report) -> None:
    """What is for forwarding alone."""
    for key in ("timeout", "retries", "mirror", "mirrors"):
        if getattr(entry, key):
            report.warning(
                entry.node.location,
                f"{key!r} has no effect: the entry forwards nothing",
                "remove it",
            )


def headers_of(entry: HttpRoute) -> HeaderOps:
    """The changes of the route, and those of its destination if there is but one."""
    ops = entry.headers.ops if entry.headers else NO_CHANGE
    if len(entry.route) != 1 or entry.redirect or entry.direct_response:
        return ops
    (target,) = entry.route
    if target.headers is None:
        return ops
    own = target.headers.ops
    return HeaderOps(_sum(ops.request, own.request), _sum(ops.response, own.response))


def _sum(one: HeaderChange, two: HeaderChange) -> HeaderChange:
    return HeaderChange(one.set + two.set, one.add + two.add, one.remove + two.remove)


def _targets(entry: HttpRoute, report: Report) -> list[WeightedDestination]:
    """The destinations that get requests."""
    if len(entry.route) == 1:
        return list(entry.route)
    for target in entry.route:
        if target.weight is None:
            report.warning(
                target.node.location,
                "a destination without weight among several gets no request",
                "give it a 'weight'",
            )
    total = sum(target.weight or 0 for target in entry.route)
    if total != 100:
        report.warning(
            entry.node.location,
            f"the weights add up to {total}: they are shares of that, not percentages",
            "let them add up to 100",
        )
    return [target for target in entry.route if target.weight]


def _clusters(
    entry: HttpRoute, targets: list[WeightedDestination], clusters: Clusters
) -> Iterator[WeightedCluster]:
    for target in targets:
        name = clusters.name_of(target.destination)
        if len(entry.route) == 1:  # its weight does not matter, its headers are the route's
            yield WeightedCluster(name)
        elif target.headers is None:
            yield WeightedCluster(name, target.weight or 0)
        else:
            hosts = [*target.headers.authorities, ""]
            yield WeightedCluster(name, target.weight or 0, target.headers.ops, hosts[0])


def _authority(entry: HttpRoute) -> str:
    """What the pod sees as host; an only destination may say it where the route does not."""
    hosts = [entry.rewrite.authority] if entry.rewrite else []
    hosts += entry.headers.authorities if entry.headers else []
    if len(entry.route) == 1 and entry.route[0].headers:
        hosts += entry.route[0].headers.authorities
    return next(filter(None, hosts), "")


def fault_of(entry: HttpRoute, report: Report) -> Fault | None:
    """Delays and aborts; None where no request is touched."""
    if entry.fault is None:
        return None
    fault = entry.fault.model
    if fault is None:
        report.warning(
            entry.fault.node.location,
            "the fault touches no request",
            "give it a 'percentage', and what is to happen",
        )
    return fault


def cors_of(entry: HttpRoute, report: Report) -> CorsPolicy | None:
    """Which origins may read the answers."""
    if entry.cors_policy is None:
        return None
    policy = entry.cors_policy.model
    if not policy.origins:
        report.warning(
            entry.cors_policy.node.location, "no origin is allowed", "add 'allowOrigins'"
        )
    return policy


def _mirrors(entry: HttpRoute, clusters: Clusters) -> Iterator[Mirror]:
    copies: list[tuple[Destination, float]] = []
    if entry.mirror is not None:
        share = 1.0 if entry.mirror_percent is None else entry.mirror_percent / 100
        if entry.mirror_percentage is not None:
            share = entry.mirror_percentage.value
        copies.append((entry.mirror, share))
    for mirror in entry.mirrors:
        copies.append((mirror.destination, mirror.percentage.value if mirror.percentage else 1.0))
    for destination, share in copies:
        if share:
            yield Mirror(clusters.name_of(destination), share)

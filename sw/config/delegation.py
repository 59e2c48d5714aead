"""VirtualServices with all names in full, and with the routes of those that they delegate to.

As istiod does it before it makes routes (pilot/pkg/model/virtualservice.go): a delegate's entry
takes the place of the one that delegates, with the conditions of both; what it does not say, the
one that delegates says for it.  Where their conditions contradict each other it is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from .findings import Report
from .istio.destinations import Destination
from .istio.matches import HttpMatch, TextMatch
from .istio.virtual_service import HttpRoute, VirtualService
from .names import full_host, gateway_key, visible
from .resource import Resource, Resources

__all__ = ["merge_delegates"]

Service = Resource[VirtualService]
T = TypeVar("T")

_INHERITED = (
    "rewrite",
    "direct_response",
    "timeout",
    "retries",
    "fault",
    "mirror",
    "mirror_percent",
    "mirror_percentage",
    "cors_policy",
    "headers",
)


def merge_delegates(
    services: Sequence[Service], resources: Resources, report: Report
) -> list[Service]:
    """*services* with hosts, ready to be served."""
    delegates = {
        (service.namespace, service.name): service
        for service in resources.of(VirtualService)
        if not service.spec.hosts
    }
    merged, used = [], set()
    for service in services:
        routes: list[HttpRoute] = []
        for index, entry in enumerate(service.spec.http):
            root = _resolved(replace(entry, name=entry.name or str(index)), service.namespace)
            if root.delegate is None:
                routes.append(root)
                continue
            key = root.delegate.namespace or service.namespace, root.delegate.name
            used.add(key)
            delegate = _delegate(service, entry, key, delegates, resources, report)
            if delegate is not None:
                routes += _merged(root, delegate, report)
        merged.append(replace(service, spec=replace(service.spec, http=tuple(routes))))
    for key, delegate in delegates.items():
        if key not in used and resources.complete:
            report.warning(
                delegate.location,
                f"{delegate} has no hosts, and no other delegates to it: it is not served",
                "add 'hosts' and 'gateways', or delegate to it",
            )
    return merged


def _delegate(
    service: Service,
    entry: HttpRoute,
    key: tuple[str, str],
    delegates: Mapping[tuple[str, str], Service],
    resources: Resources,
    report: Report,
) -> Service | None:
    """The VirtualService that *entry* delegates to."""
    delegate = delegates.get(key)
    if delegate is None:
        if resources.complete:
            report.warning(
                entry.node.location,
                f"there is no VirtualService {'/'.join(key)} without hosts: the entry is left out",
                "add it, or correct its name",
            )
    elif not visible(delegate.spec.export_to, delegate.namespace, {service.namespace}):
        report.warning(
            entry.node.location,
            f"{delegate} is not exported to {service.namespace!r}: the entry is left out",
            "add the namespace to its 'exportTo'",
        )
        return None
    return delegate


def _resolved(entry: HttpRoute, namespace: str) -> HttpRoute:
    """*entry* with the full names of hosts and gateways."""

    def host(destination: Destination) -> Destination:
        return replace(destination, host=full_host(destination.host, namespace))

    def keys(block: HttpMatch) -> HttpMatch:
        if not block.gateways:
            return block
        return replace(block, gateways=tuple(gateway_key(g, namespace) for g in block.gateways))

    return replace(
        entry,
        match=tuple(map(keys, entry.match)),
        route=tuple(replace(one, destination=host(one.destination)) for one in entry.route),
        mirror=host(entry.mirror) if entry.mirror else None,
        mirrors=tuple(replace(one, destination=host(one.destination)) for one in entry.mirrors),
    )


def _merged(root: HttpRoute, delegate: Service, report: Report) -> Iterator[HttpRoute]:
    for index, entry in enumerate(delegate.spec.http):
        own = _resolved(entry, delegate.namespace)
        match = _conditions(root.match, own.match)
        if match is None:
            report.warning(
                entry.node.location,
                f"left out: its conditions do not lie within those of {root.node.location}, "
                "which delegates to it",
                "narrow what the one asks for, and nothing else",
            )
            continue
        given = {name: getattr(own, name) for name in _INHERITED}
        inherited = {n: getattr(root, n) for n, value in given.items() if value is None}
        yield replace(
            own,
            match=match,
            name=f"{root.name}-{own.name or index}",
            mirrors=own.mirrors or root.mirrors,
            **inherited,
        )


def _conditions(
    roots: Sequence[HttpMatch], leaves: Sequence[HttpMatch]
) -> tuple[HttpMatch, ...] | None:
    """The conditions of both; None where a block of the delegate's lies within none."""
    if not (roots and leaves):
        return tuple(roots or leaves)
    blocks: list[HttpMatch] = []
    for leaf in leaves:
        within = [_block(root, leaf) for root in roots if not _contradict(root, leaf)]
        if not within:
            return None
        blocks += within
    return tuple(blocks)


def _block(root: HttpMatch, leaf: HttpMatch) -> HttpMatch:
    return replace(
        leaf,
        name="-".join(filter(None, (root.name, leaf.name))),
        uri=leaf.uri or root.uri,
        scheme=leaf.scheme or root.scheme,
        method=leaf.method or root.method,
        authority=leaf.authority or root.authority,
        headers=_both(root.headers, leaf.headers),
        without_headers=_both(root.without_headers, leaf.without_headers),
        query_params=_both(root.query_params, leaf.query_params),
        port=leaf.port or root.port,
        gateways=leaf.gateways or root.gateways,
        source_labels=_both(root.source_labels, leaf.source_labels),
        source_namespace=leaf.source_namespace or root.source_namespace,
    )


def _both(root: Mapping[str, T] | None, leaf: Mapping[str, T] | None) -> Mapping[str, T]:
    return {**(root or {}), **(leaf or {})}


def _contradict(root: HttpMatch, leaf: HttpMatch) -> bool:
    texts = [
        (root.uri, leaf.uri),
        (root.scheme, leaf.scheme),
        (root.method, leaf.method),
        (root.authority, leaf.authority),
    ]
    for wide, narrow in (
        (root.headers, leaf.headers),
        (root.without_headers, leaf.without_headers),
        (root.query_params, leaf.query_params),
    ):
        texts += [((wide or {}).get(name), text) for name, text in (narrow or {}).items()]
    labels = root.source_labels or {}
    return (
        any(_texts_contradict(*pair) for pair in texts)
        or root.ignore_uri_case is not leaf.ignore_uri_case
        or bool(root.port and leaf.port and root.port != leaf.port)
        or root.source_namespace not in ("", leaf.source_namespace)
        or any(labels.get(n, value) != value for n, value in (leaf.source_labels or {}).items())
        or bool(root.gateways and not set(leaf.gateways) <= set(root.gateways))
    )


def _texts_contradict(root: TextMatch | None, leaf: TextMatch | None) -> bool:
    """Whether *leaf* may match what *root* does not, by as much as Istio can tell."""
    if root is None or leaf is None:
        return False
    if root.exact:
        return leaf.exact != root.exact
    if root.prefix:
        return not (leaf.prefix or leaf.exact or "").startswith(root.prefix)
    return True

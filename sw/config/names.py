"""Names as Istio resolves them: short hosts, gateways, hosts of a server, visibility.

The rules are those of istio/pkg/config/host and istio/pilot/pkg/model.
"""

from collections.abc import Collection, Iterator, Sequence

__all__ = ["full_host", "gateway_key", "host_within", "intersection", "server_hosts", "visible"]

_CLUSTER_DOMAIN = "svc.cluster.local"


def full_host(host: str, namespace: str) -> str:
    """A host without a dot is a service of the same namespace."""
    if "." in host or host == "*":
        return host
    return f"{host}.{namespace}.{_CLUSTER_DOMAIN}"


def gateway_key(name: str, namespace: str) -> str:
    """``namespace/name`` of a gateway named ``name``, ``./name``, ``namespace/name``, or in the
    old way ``name.namespace.svc.cluster.local``; ``mesh`` is no gateway and stays as it is."""
    if name == "mesh":
        return name
    first, slash, last = name.partition("/")
    if slash:
        return f"{namespace}/{last}" if first == "." else name
    short, dot, rest = name.partition(".")
    return f"{rest.partition('.')[0]}/{short}" if dot else f"{namespace}/{name}"


def server_hosts(hosts: Sequence[str], gateway: str, namespace: str) -> Iterator[str]:
    """Of a server's *hosts*, those open to VirtualServices in *namespace*."""
    for host in hosts:
        scope, slash, domain = host.rpartition("/")
        if not slash or scope == "*" or namespace == (gateway if scope == "." else scope):
            yield domain


def host_within(host: str, pattern: str) -> bool:
    """Whether each host that *host* stands for is one that *pattern* stands for."""
    if not pattern.startswith("*"):
        return host == pattern
    return host.removeprefix("*").endswith(pattern[1:])


def intersection(served: Sequence[str], asked: Sequence[str]) -> Iterator[str]:
    """The narrower of each pair of hosts of which one lies within the other."""
    for one in served:
        for other in asked:
            if host_within(one, other):
                yield one
            elif host_within(other, one):
                yield other


def visible(export_to: Sequence[str], owner: str, namespaces: Collection[str]) -> bool:
    """Whether a resource of namespace *owner* is exported to one of *namespaces*."""
    targets = {owner if target == "." else target for target in export_to}
    return not targets or "*" in targets or not targets.isdisjoint(namespaces)

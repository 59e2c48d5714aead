"""Destinations to clusters: endpoints from the ServiceEntry, policy from the DestinationRule.

Which DestinationRule holds for a service is Istio's choice: the namespaces of gateway, service and
``istio-system`` are asked in turn, and in each the rule with the most specific host wins.
"""

from collections.abc import Mapping

from .destination_rule import ConnectionPool, DestinationRule, LoadBalancer, Subset, TrafficPolicy
from .findings import Report
from .model import Cluster, Endpoint, LoadBalancing, Location
from .names import full_host, host_within, visible
from .resource import Resource, Resources
from .service_entry import ServiceEntry, ServicePort
from .virtual_service import Destination

__all__ = ["Clusters"]

_ROOT_NAMESPACE = "istio-system"

Rules = list[Resource[DestinationRule]]


class Clusters:
    """Makes the clusters that routes ask for, each once.

    Parameters
    ----------
    resources : Resources
    namespace : str
        Namespace of the gateway.
    port : int
        The listener's; a destination without port means this one, or the service's only one.
    """

    def __init__(self, resources: Resources, namespace: str, port: int, report: Report) -> None:
        self._complete = resources.complete
        self._namespace = namespace
        self._port = port
        self._report = report
        self._clusters: dict[str, Cluster] = {}
        self._used: set[Location] = set()
        self._services: dict[str, Resource[ServiceEntry]] = {}
        for entry in resources.of(ServiceEntry):
            self._add_service(entry)
        self._rules: dict[str, Rules] = {}
        for rule in resources.of(DestinationRule):
            if self._exported(rule, rule.spec.export_to):
                self._rules.setdefault(rule.namespace, []).append(rule)

    @property
    def clusters(self) -> Mapping[str, Cluster]:
        return self._clusters

    def name_of(self, destination: Destination, namespace: str) -> str:
        """Name of the cluster for *destination* of a VirtualService in *namespace*."""
        host = full_host(destination.host, namespace)
        service = self._services.get(host)
        port = self._port
        if destination.port is not None:
            port = destination.port.number
        elif service is not None and len(service.spec.ports) == 1:
            port = service.spec.ports[0].number
        name = f"outbound|{port}|{destination.subset}|{host}"
        if name not in self._clusters:
            self._clusters[name] = self._make(name, host, port, service, destination)
        return name

    def note_unused(self, resources: Resources) -> None:
        """Say which ServiceEntries and DestinationRules no route needs."""
        described: list[Resource[ServiceEntry] | Resource[DestinationRule]]
        described = [*resources.of(ServiceEntry), *resources.of(DestinationRule)]
        for resource in described:
            if resource.location not in self._used:
                self._report.note(resource.location, f"{resource} is not used by any route")

    def _add_service(self, entry: Resource[ServiceEntry]) -> None:
        if not self._exported(entry, entry.spec.export_to):
            return
        for host in entry.spec.hosts:
            first = self._services.setdefault(host, entry)
            if first is not entry:
                self._report.error(
                    entry.location,
                    f"a second ServiceEntry for the host {host!r} "
                    f"(the first is at {first.location}) is not supported yet",
                    "put all ports and endpoints into one",
                )

    def _exported(
        self, resource: Resource[ServiceEntry] | Resource[DestinationRule], to: tuple[str, ...]
    ) -> bool:
        if visible(to, resource.namespace, {self._namespace}):
            return True
        self._report.warning(
            resource.location,
            f"{resource} is not exported to the gateway's namespace {self._namespace!r}",
            "add it to 'exportTo'",
        )
        return False

    def _make(
        self,
        name: str,
        host: str,
        port: int,
        service: Resource[ServiceEntry] | None,
        destination: Destination,
    ) -> Cluster:
        rules = self._rules_of(host, service)
        self._used.update(rule.location for rule in rules)
        policies = [rule.spec.traffic_policy for rule in rules if rule.spec.traffic_policy][:1]
        subset = None
        if destination.subset:
            subset = self._subset(destination, host, rules)
            if subset is not None and subset.traffic_policy is not None:
                policies.insert(0, subset.traffic_policy)
        pool, balancer = _merged(policies)
        tcp, http = pool and pool.tcp, pool and pool.http
        limits = Cluster(name, self._endpoints(host, port, service, subset, destination))
        return Cluster(
            name=name,
            endpoints=limits.endpoints,
            balancing=LoadBalancing(balancer.simple) if balancer else limits.balancing,
            breaker=pool.breaker if pool else limits.breaker,
            connect_timeout=(tcp and tcp.connect_timeout) or limits.connect_timeout,
            idle_timeout=(http and http.idle_timeout) or limits.idle_timeout,
            max_requests_per_connection=http.max_requests_per_connection if http else 0,
        )

    def _rules_of(self, host: str, service: Resource[ServiceEntry] | None) -> Rules:
        """The rules of the first namespace that has any for *host*; several are merged."""
        home = service.namespace if service else _namespace_of(host)
        namespaces = [self._namespace, home, _ROOT_NAMESPACE]
        if self._namespace == _ROOT_NAMESPACE:
            del namespaces[0]
        for namespace in namespaces:
            by_host: dict[str, Rules] = {}
            for rule in self._rules.get(namespace, ()):
                pattern = full_host(rule.spec.host, namespace)
                if host_within(host, pattern):
                    by_host.setdefault(pattern, []).append(rule)
            if by_host:
                # An exact host first, then the longest pattern.
                return by_host[max(by_host, key=lambda p: (not p.startswith("*"), len(p)))]
        return []

    def _subset(self, destination: Destination, host: str, rules: Rules) -> Subset | None:
        for rule in rules:
            for subset in rule.spec.subsets:
                if subset.name == destination.subset:
                    return subset
        if self._complete:
            self._report.error(
                destination.node.location,
                f"{host} has no subset {destination.subset!r}",
                f"add it to {rules[0]} at {rules[0].location}"
                if rules
                else f"add a DestinationRule for {host} that has it",
            )
        return None

    def _endpoints(
        self,
        host: str,
        port: int,
        service: Resource[ServiceEntry] | None,
        subset: Subset | None,
        destination: Destination,
    ) -> tuple[Endpoint, ...]:
        where = destination.node.location
        if service is None:
            if self._complete:
                self._report.warning(
                    where,
                    f"no ServiceEntry describes {host}: requests are answered 503",
                    self._remedy(destination.host, host),
                )
            return ()
        self._used.add(service.location)
        at = _port(service.spec, port)
        if at is None:
            known = ", ".join(str(p.number) for p in service.spec.ports)
            self._report.warning(
                where, f"{host} has no port {port}: requests are answered 503", f"it has {known}"
            )
            return ()
        chosen = [
            Endpoint(entry.address, entry.port(at), entry.weight or 1)
            for entry in service.spec.endpoints
            if subset is None or subset.selects(entry.labels or {})
        ]
        if not chosen and subset is not None:
            self._report.warning(
                subset.node.location,
                f"the subset {subset.name!r} selects no endpoint of {service}",
                "compare its labels with those of the endpoints",
            )
        elif not chosen:
            self._report.warning(service.location, f"{service} has no endpoints", "add them")
        return tuple(chosen)

    def _remedy(self, written: str, host: str) -> str:
        if written in self._services and written != host:
            return f"write {host!r} in its ServiceEntry: hosts there are not expanded"
        return "add one"


def _merged(
    policies: list[TrafficPolicy],
) -> tuple[ConnectionPool | None, LoadBalancer | None]:
    """Of each part of the policy the first that is given; parts are not mixed, as in Istio."""
    pools = [p.connection_pool for p in policies if p.connection_pool]
    balancers = [p.load_balancer for p in policies if p.load_balancer]
    return next(iter(pools), None), next(iter(balancers), None)


def _port(service: ServiceEntry, number: int) -> ServicePort | None:
    return next((port for port in service.ports if port.number == number), None)


def _namespace_of(host: str) -> str:
    """The namespace in ``name.namespace.svc.cluster.local``, else an empty string."""
    labels = host.split(".")
    return labels[1] if labels[2:3] == ["svc"] else ""

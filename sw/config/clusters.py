"""Destinations to clusters: endpoints from the ServiceEntries, policy from the DestinationRules.

Which DestinationRule holds for a service is Istio's choice: the namespaces of gateway, service and
``istio-system`` are asked in turn, and in each the rule with the most specific host wins.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

from .credentials import Credentials
from .findings import Report
from .istio.client_tls import ClientTls
from .istio.connection_pool import keep_alive
from .istio.destination_rule import DestinationRule, Subset
from .istio.destinations import Destination
from .istio.load_balancer import ConsistentHash
from .istio.mesh_config import MeshConfig
from .istio.retries import Retries
from .istio.service_entry import Resolution, ServiceEntry
from .istio.traffic_policy import Parts, TrafficPolicy, effective
from .localities import Home, spread
from .model import Cluster, ClusterTls, Discovery, Location
from .names import full_host, host_within, visible
from .resource import Resource, Resources
from .services import Pod, Service, collect_services

__all__ = ["Clusters"]

_ROOT_NAMESPACE = "istio-system"

_DISCOVERY = {
    Resolution.DNS: Discovery.STRICT_DNS,
    Resolution.DNS_ROUND_ROBIN: Discovery.LOGICAL_DNS,
}

Rules = list[Resource[DestinationRule]]


@dataclass(frozen=True)
class _HostRule:
    """All DestinationRules of one host as one."""

    rules: Rules

    @property
    def policy(self) -> TrafficPolicy | None:
        policies = (rule.spec.traffic_policy for rule in self.rules)
        return next(filter(None, policies), None)

    def subset(self, name: str) -> Subset | None:
        subsets = (subset for rule in self.rules for subset in rule.spec.subsets)
        return next((subset for subset in subsets if subset.name == name), None)


class Clusters:
    """Makes the clusters that routes ask for, each once; hosts come to it in full.

    Parameters
    ----------
    resources : Resources
    settings : MeshConfig
        Defaults of the mesh.
    credentials : Credentials
    namespace : str
        Namespace of the gateway.
    home : Home
    port : int
        The listener's; a destination without port means this one, or the service's only one.
    """

    def __init__(
        self,
        resources: Resources,
        settings: MeshConfig,
        credentials: Credentials,
        namespace: str,
        home: Home,
        port: int,
        report: Report,
    ) -> None:
        self._complete = resources.complete
        self._settings = settings
        self._credentials = credentials
        self._namespace = namespace
        self._home = home
        self._port = port
        self._report = report
        self._clusters: dict[str, Cluster] = {}
        self._used: set[Location] = set()
        entries = [
            entry
            for entry in resources.of(ServiceEntry)
            if self._exported(entry, entry.spec.export_to)
        ]
        self._services = collect_services(entries, resources, report)
        self._by_namespace: dict[str, Rules] = {}
        for rule in resources.of(DestinationRule):
            if self._exported(rule, rule.spec.export_to):
                self._by_namespace.setdefault(rule.namespace, []).append(rule)
        self._by_host: dict[str, _HostRule] = {}

    @property
    def clusters(self) -> Mapping[str, Cluster]:
        return self._clusters

    @property
    def retries(self) -> Retries | None:
        """What holds for routes that say nothing of retries."""
        return self._settings.default_http_retry_policy

    def at(self, port: int) -> "Clusters":
        """The same clusters, asked for by the listener of *port*."""
        other = copy(self)
        other._port = port
        return other

    def name_of(self, destination: Destination) -> str:
        """Name of the cluster for *destination*."""
        host = destination.host
        service = self._services.get(host)
        port = self._port
        if destination.port is not None:
            port = destination.port.number
        elif service is not None:
            port = service.only_port or port
        name = f"outbound|{port}|{destination.subset}|{host}"
        if name not in self._clusters:
            self._clusters[name] = self._make(name, port, service, destination)
        return name

    def hash_of(self, destination: Destination) -> ConsistentHash | None:
        """The consistent hash that a route to *destination* has to know of.

        Not quite that of the cluster: policies of ports count only for a destination that names
        its port, and one without consistent hash does not hide that of the host.
        """
        rule = self._rule_of(destination.host)
        subset = rule.subset(destination.subset)
        port = destination.port.number if destination.port else None
        choices: list[Parts] = []
        for policy in (subset.traffic_policy if subset else None, rule.policy):
            if policy is not None:
                of_port = policy.of_port(port) if port else None
                choices += [of_port, policy.parts] if of_port else [policy.parts]
        balancers = (choice.load_balancer for choice in choices)
        hashes = (balancer.consistent_hash for balancer in balancers if balancer)
        return next(filter(None, hashes), None)

    def note_unused(self, resources: Resources) -> None:
        """Say which ServiceEntries and DestinationRules no route needs."""
        described: list[Resource[ServiceEntry] | Resource[DestinationRule]]
        described = [*resources.of(ServiceEntry), *resources.of(DestinationRule)]
        for resource in described:
            if resource.location not in self._used:
                self._report.note(resource.location, f"{resource} is not used by any route")

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
        self, name: str, port: int, service: Service | None, destination: Destination
    ) -> Cluster:
        rule = self._rule_of(destination.host)
        self._used.update(one.location for one in rule.rules)
        subset = self._subset(destination, rule) if destination.subset else None
        parts = effective(rule.policy, subset.traffic_policy if subset else None, port)
        balancer, pool = parts.load_balancer, parts.connection_pool
        outliers = parts.outlier_detection
        setting = balancer.locality_lb_setting if balancer else None
        setting = setting or self._settings.locality_lb_setting
        resolution = service.resolution if service else Resolution.STATIC
        endpoints, by_locality = spread(
            self._pods(port, service, subset, destination, parts),
            setting,
            self._home,
            failover=outliers is not None,
            by_name=resolution.is_dns,
        )
        self._report_idle(parts)
        tcp, http = pool and pool.tcp, pool and pool.http
        default = Cluster(name, ())
        balancing = balancer.model if balancer else default.balancing
        return Cluster(
            name=name,
            endpoints=endpoints,
            balancing=replace(balancing, by_locality=by_locality),
            breaker=pool.breaker if pool else default.breaker,
            connect_timeout=(
                (tcp and tcp.connect_timeout)
                or self._settings.connect_timeout
                or default.connect_timeout
            ),
            idle_timeout=(pool and pool.idle_timeout) or default.idle_timeout,
            max_connection_duration=tcp.max_connection_duration if tcp else None,
            max_requests_per_connection=http.max_requests_per_connection if http else 0,
            keep_alive=keep_alive(tcp.tcp_keepalive if tcp else None, self._settings.tcp_keepalive),
            outlier=outliers.model if outliers else None,
            tls=self._tls(parts.tls, service) if parts.tls else None,
            discovery=_DISCOVERY.get(resolution, Discovery.STATIC),
        )

    def _tls(self, tls: ClientTls, service: Service | None) -> ClusterTls | None:
        names = service.names if service else ()
        return self._credentials.resolve(
            tls.node, lambda store: tls.model(names, store), self._report
        )

    def _rule_of(self, host: str) -> _HostRule:
        if host not in self._by_host:
            self._by_host[host] = _HostRule(self._rules_of(host))
        return self._by_host[host]

    def _rules_of(self, host: str) -> Rules:
        """The rules of the first namespace that has any for *host*."""
        service = self._services.get(host)
        home = service.namespace if service else _namespace_of(host)
        namespaces = [self._namespace, home, _ROOT_NAMESPACE]
        if self._namespace == _ROOT_NAMESPACE:
            del namespaces[0]
        for namespace in namespaces:
            by_host: dict[str, Rules] = {}
            for rule in self._by_namespace.get(namespace, ()):
                pattern = full_host(rule.spec.host, namespace)
                if host_within(host, pattern):
                    by_host.setdefault(pattern, []).append(rule)
            if by_host:
                # An exact host first, then the longest pattern.
                return by_host[max(by_host, key=lambda p: (not p.startswith("*"), len(p)))]
        return []

    def _subset(self, destination: Destination, rule: _HostRule) -> Subset | None:
        subset = rule.subset(destination.subset)
        if subset is None and self._complete:
            host = destination.host
            self._report.error(
                destination.node.location,
                f"{host} has no subset {destination.subset!r}",
                f"add it to {rule.rules[0]} at {rule.rules[0].location}"
                if rule.rules
                else f"add a DestinationRule for {host} that has it",
            )
        return subset

    def _pods(
        self,
        port: int,
        service: Service | None,
        subset: Subset | None,
        destination: Destination,
        parts: Parts,
    ) -> Sequence[Pod]:
        where = destination.node.location
        if service is None:
            if self._complete:
                self._report.warning(
                    where,
                    f"no ServiceEntry describes {destination.host}: requests are answered 503",
                    self._remedy(destination),
                )
            return ()
        self._used.update(entry.location for entry in service.entries)
        numbers = [known.number for known in service.ports]
        if port not in numbers:
            self._report.warning(
                where,
                f"{service.host} has no port {port}: requests are answered 503",
                f"it has {', '.join(map(str, numbers))}",
            )
            return ()
        balancer = parts.load_balancer
        if balancer is not None and balancer.is_passthrough:
            self._report.warning(
                balancer.node.location,
                "PASSTHROUGH means the address that the client called, which is the gateway's own: "
                "requests are answered 503",
                "use another load balancer",
            )
            return ()
        pods = [pod for pod in service.pods(port) if subset is None or subset.selects(pod.labels)]
        if not pods:
            self._report_empty(service, subset)
        return pods

    def _report_idle(self, parts: Parts) -> None:
        """What of a load balancer never has an effect."""
        balancer = parts.load_balancer
        if balancer is None:
            return
        warmup = balancer.warmup or balancer.warmup_duration_secs
        if warmup and balancer.model.warmup is None:
            self._report.warning(
                balancer.node.location,
                "a warm-up is for LEAST_REQUEST and ROUND_ROBIN alone",
                "remove it, or use one of them",
            )
        setting = balancer.locality_lb_setting
        failover = setting and (setting.failover or setting.failover_priority)
        if setting and failover and parts.outlier_detection is None:
            self._report.warning(
                setting.node.location,
                "failover without 'outlierDetection' never happens: nobody knows that a pod fails",
                "add 'outlierDetection'",
            )

    def _report_empty(self, service: Service, subset: Subset | None) -> None:
        if subset is not None:
            self._report.warning(
                subset.node.location,
                f"the subset {subset.name!r} selects no endpoint of {service}",
                "compare its labels with those of the endpoints",
            )
        else:
            self._report.warning(service.location, f"{service} has no endpoints", "add them")

    def _remedy(self, destination: Destination) -> str:
        short = destination.host.partition(".")[0]
        if short in self._services:
            return f"write {destination.host!r} in its ServiceEntry: hosts there are not expanded"
        return "add one"


def _namespace_of(host: str) -> str:
    """The namespace in ``name.namespace.svc.cluster.local``, else an empty string."""
    labels = host.split(".")
    return labels[1] if labels[2:3] == ["svc"] else ""

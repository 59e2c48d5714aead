"""Services and their endpoints, of all ServiceEntries for a host, and the WorkloadEntries selected.

A host belongs to the namespace of the first ServiceEntry that has it; those of the same namespace
are merged: the first to have a port gives it its name, and all endpoints of ports of that name
serve it, as in istiod's index of endpoints.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .findings import Report
from .istio.service_entry import Resolution, ServiceEntry, ServicePort
from .istio.workload_entry import WorkloadEntry
from .istio.workload_group import WorkloadGroup
from .model import Endpoint, Location, Probe
from .resource import Resource, Resources

__all__ = ["TOPOLOGY", "Pod", "Service", "collect_services"]

Entry = Resource[ServiceEntry]

TOPOLOGY = (
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.istio.io/subzone",
)
"""The labels that Istio makes of a locality."""


_GROUP = "istio.io/autoRegistrationGroup"
"""The annotation in which a WorkloadEntry names its WorkloadGroup."""


@dataclass(frozen=True)
class Pod:
    """An endpoint, and the labels by which subsets and failover know it."""

    endpoint: Endpoint
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Workload:
    """A WorkloadEntry, and how to find out whether it is in good health."""

    resource: Resource[WorkloadEntry]
    probe: Probe | None

    @property
    def labels(self) -> Mapping[str, str]:
        """Those of the resource go before those of its spec."""
        return {**(self.resource.spec.labels or {}), **self.resource.labels}


class Service:
    """All that is known of a host."""

    def __init__(self, host: str, entry: Entry) -> None:
        self.host = host
        self.entries = [entry]
        self.namespace = entry.namespace
        self.resolution = entry.spec.resolution
        self.workloads: list[Workload] = []

    def __str__(self) -> str:
        return str(self.entries[0])

    @property
    def location(self) -> Location:
        return self.entries[0].location

    @property
    def ports(self) -> list[ServicePort]:
        """Of several with one number the first."""
        ports: dict[int, ServicePort] = {}
        for entry in self.entries:
            for port in entry.spec.ports:
                ports.setdefault(port.number, port)
        return list(ports.values())

    @property
    def only_port(self) -> int | None:
        """The port that is meant where none is named; None: that of the listener."""
        ports = self.entries[0].spec.ports
        return ports[0].number if len(ports) == 1 else None

    @property
    def names(self) -> list[str]:
        """What a pod's certificate may be called."""
        return [name for entry in self.entries for name in entry.spec.subject_alt_names]

    def pods(self, number: int) -> list[Pod]:
        """The endpoints of the port *number*."""
        name = next(port.name for port in self.ports if port.number == number)
        pods: list[Pod] = []
        for entry in self.entries:
            for port in entry.spec.ports:
                if port.name == name:
                    pods += self._pods(entry, port)
        return pods

    def _pods(self, entry: Entry, port: ServicePort) -> Iterator[Pod]:
        spec = entry.spec
        if spec.resolution.is_dns and not spec.endpoints and spec.workload_selector is None:
            yield Pod(Endpoint(self.host, port.target_port or port.number), {})
        for endpoint in spec.endpoints:
            yield _pod(endpoint, port, endpoint.labels or {})
        for workload in self.workloads:
            selector = spec.workload_selector
            if selector is not None and selector.selects(workload.labels):
                yield _pod(workload.resource.spec, port, workload.labels, workload.probe)


def _pod(
    entry: WorkloadEntry, port: ServicePort, labels: Mapping[str, str], probe: Probe | None = None
) -> Pod:
    parts = filter(None, entry.locality.split("/"))
    return Pod(
        Endpoint(entry.address, port.at(entry), entry.weight or 1, entry.locality, probe=probe),
        {**labels, **dict(zip(TOPOLOGY, parts, strict=False))},
    )


def collect_services(
    entries: Sequence[Entry], resources: Resources, report: Report
) -> Mapping[str, Service]:
    """By host, the services that *entries* describe."""
    services: dict[str, Service] = {}
    for entry in entries:
        for host in entry.spec.hosts:
            service = services.setdefault(host, Service(host, entry))
            if service.entries[-1] is not entry:
                _merge(service, entry, report)
    _select(services, resources, report)
    return services


def _merge(service: Service, entry: Entry, report: Report) -> None:
    if entry.namespace != service.namespace:
        report.warning(
            entry.location,
            f"the host {service.host!r} belongs to {service} at {service.location}: "
            f"{entry} has no say in it",
            "describe a host in one namespace",
        )
    elif entry.spec.resolution is not service.resolution:
        report.error(
            entry.location,
            f"{service} at {service.location} has another resolution for {service.host!r}, "
            f"{service.resolution.value}",
            "give all ServiceEntries of a host the same",
        )
    else:
        service.entries.append(entry)


def _select(services: Mapping[str, Service], resources: Resources, report: Report) -> None:
    """Gives each service the WorkloadEntries that it may select from."""
    workloads = _workloads(resources, report)
    selected: set[Location] = set()
    for service in services.values():
        for entry in service.entries:
            selector = entry.spec.workload_selector
            if selector is None:
                continue
            if not selector.labels:
                report.warning(
                    selector.node.location, "a selector without labels selects nothing", "add some"
                )
            for workload in workloads:
                resource = workload.resource
                if resource.namespace == entry.namespace and selector.selects(workload.labels):
                    selected.add(resource.location)
                    if _fits(service, resource, report) and workload not in service.workloads:
                        service.workloads.append(workload)
    for workload in workloads if resources.complete else ():
        resource = workload.resource
        if resource.location not in selected:
            report.note(resource.location, f"{resource} is not selected by any ServiceEntry")


def _workloads(resources: Resources, report: Report) -> list[Workload]:
    """The WorkloadEntries, with the probes of their groups."""
    groups = {(group.namespace, group.name): group for group in resources.of(WorkloadGroup)}
    named = set()
    workloads = []
    for entry in resources.of(WorkloadEntry):
        key = entry.namespace, entry.annotations.get(_GROUP, "")
        named.add(key)
        probe = groups[key].spec.probe if key in groups else None
        workloads.append(Workload(entry, probe.model if probe else None))
    for key, group in groups.items() if resources.complete else ():
        if key not in named:
            report.note(
                group.location,
                f"{group} has no WorkloadEntry",
                f"name it in the annotation {_GROUP!r} of its entries",
            )
    return workloads


def _fits(service: Service, workload: Resource[WorkloadEntry], report: Report) -> bool:
    """Whether the address is of a kind that the service can have."""
    if service.resolution.is_dns or workload.spec.has_ip_address:
        return True
    report.warning(
        workload.location,
        f"{workload} has a host name for an address, {service} has resolution "
        f"{Resolution.STATIC.value}: it is left out",
        "write an IP address",
    )
    return False

"""Kubernetes resources: which of them are read, passed over, or refused.

A resource that would change what the gateway answers and that is not supported yet is an error;
one that has no say in it is passed over, with a note.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from .document import Node
from .findings import Report
from .istio.destination_rule import DestinationRule
from .istio.gateway import Gateway
from .istio.mesh_config import ConfigMap, IstioOperator
from .istio.secret import Secret
from .istio.service_entry import ServiceEntry
from .istio.virtual_service import VirtualService
from .istio.workload_entry import WorkloadEntry
from .istio.workload_group import WorkloadGroup
from .message import BrokenError, FieldError, Message, attempt, expect, read
from .model import Location

__all__ = [
    "KINDS",
    "PASSED_OVER",
    "REFUSED_KINDS",
    "WITHOUT_SPEC",
    "Resource",
    "Resources",
    "read_resources",
]

SpecT = TypeVar("SpecT", bound=Message)

_NETWORKING = "networking.istio.io"
_VERSIONS = ("v1", "v1beta1", "v1alpha3")

KINDS: Mapping[str, type[Message]] = {
    "Gateway": Gateway,
    "VirtualService": VirtualService,
    "DestinationRule": DestinationRule,
    "ServiceEntry": ServiceEntry,
    "WorkloadEntry": WorkloadEntry,
    "WorkloadGroup": WorkloadGroup,
    "IstioOperator": IstioOperator,
    "ConfigMap": ConfigMap,
    "Secret": Secret,
}
"""What is read."""

WITHOUT_SPEC = frozenset({"ConfigMap", "Secret"})
"""Kinds whose fields stand beside ``metadata``."""

_GROUPS = {
    "IstioOperator": ("install.istio.io", ("v1alpha1",)),
    "ConfigMap": ("", ("v1",)),
    "Secret": ("", ("v1",)),
}
"""Groups and versions of kinds that are not of networking."""

REFUSED_KINDS = frozenset(
    {
        (_NETWORKING, "EnvoyFilter"),
        ("security.istio.io", "AuthorizationPolicy"),
        ("security.istio.io", "RequestAuthentication"),
        ("extensions.istio.io", "WasmPlugin"),
        ("gateway.networking.k8s.io", "Gateway"),
        ("gateway.networking.k8s.io", "GRPCRoute"),
        ("gateway.networking.k8s.io", "HTTPRoute"),
        ("gateway.networking.k8s.io", "TCPRoute"),
        ("gateway.networking.k8s.io", "TLSRoute"),
    }
)

PASSED_OVER = frozenset(
    {
        (_NETWORKING, "ProxyConfig"),
        (_NETWORKING, "Sidecar"),
        ("security.istio.io", "PeerAuthentication"),
        ("telemetry.istio.io", "Telemetry"),
    }
)

_REMEDIES = {
    ("", "Service"): "describe the service and its endpoints in a ServiceEntry",
    ("networking.k8s.io", "Ingress"): "describe its routes in a VirtualService",
}


@dataclass(frozen=True)
class Resource(Generic[SpecT]):
    """A resource of a kind that is read."""

    kind: str
    namespace: str
    name: str
    spec: SpecT
    location: Location
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class Resources:
    """All resources of the folder, in order of their documents.

    Attributes
    ----------
    complete : bool
        Whether every document could be read; if not, nothing may be said to be missing.
    """

    def __init__(self) -> None:
        self.complete = True
        self._by_name: dict[tuple[str, str, str], Resource[Message]] = {}

    def add(self, resource: Resource[Message], report: Report) -> None:
        key = resource.kind, resource.namespace, resource.name
        first = self._by_name.setdefault(key, resource)
        if first is not resource:
            report.error(
                resource.location,
                f"a second {resource} (the first is at {first.location})",
                "rename or remove one of them",
            )

    def of(self, spec: type[SpecT]) -> list[Resource[SpecT]]:
        """Those whose spec is of the class *spec*."""
        return [
            cast(Resource[SpecT], resource)
            for resource in self._by_name.values()
            if isinstance(resource.spec, spec)
        ]


def read_resources(documents: Iterator[Node], report: Report) -> Resources:
    """The resources of *documents*, lists unfolded."""
    resources = Resources()
    for document in documents:
        try:
            for node in _unfolded(document):
                try:
                    resource = _resource(node, report)
                except FieldError as wrong:
                    report.error((wrong.node or node).location, wrong.message, wrong.remedy)
                except BrokenError:
                    pass
                else:
                    if resource is not None:
                        resources.add(resource, report)
        except FieldError as wrong:
            report.error((wrong.node or document).location, wrong.message, wrong.remedy)
    resources.complete = not report.errors
    return resources


def _unfolded(node: Node) -> Iterator[Node]:
    """The document itself, or the items of a Kubernetes list."""
    if node.value is None:  # an empty document
        return
    try:
        mapping = expect(node, dict)
    except FieldError as wrong:
        raise FieldError(wrong.message, "each document must be one Kubernetes resource") from None
    kind = mapping.get("kind")
    is_list = kind is not None and isinstance(kind.value, str) and kind.value.endswith("List")
    if not is_list or "items" not in mapping:
        yield node
        return
    if mapping["items"].value is not None:
        for item in expect(mapping["items"], list):
            yield from _unfolded(item)


def _resource(node: Node, report: Report) -> Resource[Message] | None:
    """The resource at *node*; None if it is of a kind that is passed over."""
    mapping = expect(node, dict)
    api_version, kind = _text(node, "apiVersion"), _text(node, "kind")
    group, _, version = api_version.rpartition("/")
    name = group, kind
    own_group, versions = _GROUPS.get(kind, (_NETWORKING, _VERSIONS))
    if group != own_group or kind not in KINDS or not _concerns(mapping):
        _not_read(node, name, api_version, report)
        return None
    if version not in versions:
        raise FieldError(
            f"{kind} has no version {api_version!r}",
            f"write {group and f'{group}/'}{versions[0]}",
            mapping["apiVersion"],
        )
    content = node
    if kind not in WITHOUT_SPEC:
        for key in mapping:
            if key not in ("apiVersion", "kind", "metadata", "spec", "status"):
                raise FieldError(f"unknown field {key!r}", "put it under 'spec'", mapping[key])
        content = _child(node, "spec")
    metadata = _child(node, "metadata")
    spec = attempt(lambda n, r: read(KINDS[kind], n, r), content, report)
    return Resource(
        kind=kind,
        namespace=_text(metadata, "namespace", "default"),
        name=_text(metadata, "name"),
        spec=spec,
        location=node.location,
        labels=_words(metadata, "labels"),
        annotations=_words(metadata, "annotations"),
    )


def _concerns(mapping: Mapping[str, Node]) -> bool:
    """Whether a resource is of interest, as few ConfigMaps are."""
    if mapping["kind"].value != "ConfigMap":
        return True
    metadata, data = (mapping.get(key) for key in ("metadata", "data"))
    named = metadata is not None and _text(metadata, "name").startswith("istio")
    return named and data is not None and isinstance(data.value, dict) and "mesh" in data.value


def _not_read(node: Node, name: tuple[str, str], api_version: str, report: Report) -> None:
    group, kind = name
    where = node.location
    if name in REFUSED_KINDS:
        report.error(
            where,
            f"the kind {kind} ({api_version}) is not supported yet",
            "remove it, or keep this gateway on Envoy",
        )
    elif group.endswith("istio.io") and name not in PASSED_OVER:
        report.error(where, f"Istio has no kind {kind!r} in {api_version!r}", "correct the kind")
    else:
        report.note(where, f"{kind} ({api_version}) is passed over", _REMEDIES.get(name, ""))


def _child(node: Node, key: str) -> Node:
    """What stands under *key*."""
    child: Node | None = expect(node, dict).get(key)
    if child is None or child.value is None:
        raise FieldError(f"the field {key!r} is missing", f"add {key!r}", node)
    return child


def _words(metadata: Node, key: str) -> Mapping[str, str]:
    """Labels or annotations of the resource itself; what is no string is none."""
    words = expect(metadata, dict).get(key)
    if words is None or words.value is None:
        return {}
    items = expect(words, dict).items()
    return {key: child.value for key, child in items if isinstance(child.value, str)}


def _text(node: Node, key: str, default: str = "") -> str:
    """The string under *key*; an error if there is none and no default."""
    child = expect(node, dict).get(key)
    if child is None or child.value is None or child.value == "":
        if default:
            return default
        raise FieldError(f"the field {key!r} is missing", f"add {key!r}", node)
    if not isinstance(child.value, str):
        raise FieldError(f"expected a string, found {child.kind}", "put the value in quotes", child)
    return child.value

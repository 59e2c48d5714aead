"""A workload as Istio's YAML, which HybridMesh serves and Envoy's configuration is made of."""

import json
from base64 import b64encode
from typing import Any

from .site import Site
from .workload import HOST, SERVICES, Workload, host, prefix, service

__all__ = ["manifest"]

_NAMESPACE = "bench"


def manifest(workload: Workload, site: Site) -> str:
    """The YAML; JSON is YAML too, and read much faster."""
    documents = [_gateway(workload, site), *_virtual_services(workload)]
    for number in range(SERVICES):
        documents += [_service_entry(number, site), _destination_rule(number)]
    if workload.tls:
        documents.append(_secret(site))
    return "---\n".join(json.dumps(document) + "\n" for document in documents)


def _resource(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": _NAMESPACE},
        "spec": spec,
    }


def _gateway(workload: Workload, site: Site) -> dict[str, Any]:
    protocol = "HTTPS" if workload.tls else "HTTP"
    server: dict[str, Any] = {
        "port": {"number": site.port, "name": protocol.lower(), "protocol": protocol},
        "hosts": ["*"],
    }
    if workload.tls:
        server["tls"] = {"mode": "SIMPLE", "credentialName": "bench"}
    selector = {"istio": "ingressgateway"}
    return _resource("Gateway", "bench", {"selector": selector, "servers": [server]})


def _virtual_services(workload: Workload) -> list[dict[str, Any]]:
    routes = [_route(workload, number) for number in range(workload.routes)]
    groups = [(HOST, routes)]
    if workload.kind == "hosts":
        groups = [(host(number), [route]) for number, route in enumerate(routes)]
    return [
        _resource(
            "VirtualService",
            f"routes-{number}",
            {"hosts": [name], "gateways": ["bench"], "http": members},
        )
        for number, (name, members) in enumerate(groups)
    ]


def _route(workload: Workload, number: int) -> dict[str, Any]:
    group = {"x-user-group": {"exact": str(number)}}
    match: dict[str, Any]
    match workload.kind:
        case "prefix":
            match = {"uri": {"prefix": prefix(number)}}
        case "header":
            match = {"headers": group}
        case "three":
            match = {"uri": {"prefix": "/api/"}, "method": {"exact": "GET"}, "headers": group}
        case "regex":
            match = {"uri": {"regex": f"{prefix(number)}items/[0-9]+(/.*)?"}}
        case "hosts":
            match = {"uri": {"prefix": "/api/"}}
    destination = {"host": _service(service(number)), "port": {"number": 80}}
    return {"match": [match], "route": [{"destination": destination}], "timeout": "15s"}


def _service(number: int) -> str:
    return f"service-{number}.{_NAMESPACE}.svc.cluster.local"


def _service_entry(number: int, site: Site) -> dict[str, Any]:
    return _resource(
        "ServiceEntry",
        f"service-{number}",
        {
            "hosts": [_service(number)],
            "location": "MESH_INTERNAL",
            "resolution": "STATIC",
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
            "endpoints": [
                {"address": site.pods, "ports": {"http": port}} for port in site.pod_ports(number)
            ],
        },
    )


def _destination_rule(number: int) -> dict[str, Any]:
    policy = {
        "connectionPool": {"tcp": {"connectTimeout": "10s"}},
        "outlierDetection": {
            "consecutive5xxErrors": 5,
            "interval": "10s",
            "baseEjectionTime": "30s",
        },
    }
    spec = {"host": _service(number), "trafficPolicy": policy}
    return _resource("DestinationRule", f"service-{number}", spec)


def _secret(site: Site) -> dict[str, Any]:
    parts = {"tls.crt": site.certificate, "tls.key": site.key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "bench", "namespace": _NAMESPACE},
        "type": "kubernetes.io/tls",
        "data": {name: b64encode(path.read_bytes()).decode() for name, path in parts.items()},
    }

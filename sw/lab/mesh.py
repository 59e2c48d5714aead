"""The lab's configuration: as many routes as pods, so that each answer tells its route."""

import json

__all__ = ["HOST", "FIRST_PORT", "manifest"]

HOST = "lab.example.com"
FIRST_PORT = 9000


def manifest(routes: int, pods: str, port: int) -> str:
    """YAML of a gateway on *port* whose route number *n* is for ``/r<n>/`` and goes to address
    *pods*, port ``FIRST_PORT + n``.  Every third one asks for a header, too."""
    documents: list[dict[str, object]] = [
        _resource(
            "Gateway",
            "lab",
            {
                "selector": {"istio": "ingressgateway"},
                "servers": [
                    {"port": {"number": port, "name": "http", "protocol": "HTTP"}, "hosts": [HOST]}
                ],
            },
        ),
        _resource(
            "VirtualService",
            "lab",
            {
                "hosts": [HOST],
                "gateways": ["lab"],
                "http": [_route(number) for number in range(routes)],
            },
        ),
    ]
    documents += [
        _resource(
            "ServiceEntry",
            f"pod-{number}",
            {
                "hosts": [_service(number)],
                "location": "MESH_INTERNAL",
                "resolution": "STATIC",
                "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
                "endpoints": [{"address": pods, "ports": {"http": FIRST_PORT + number}}],
            },
        )
        for number in range(routes)
    ]
    return "---\n".join(json.dumps(document) + "\n" for document in documents)


def _resource(kind: str, name: str, spec: dict[str, object]) -> dict[str, object]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "lab"},
        "spec": spec,
    }


def _service(number: int) -> str:
    return f"pod-{number}.lab.svc.cluster.local"


def _route(number: int) -> dict[str, object]:
    match: dict[str, object] = {"uri": {"prefix": f"/r{number}/"}}
    if number % 3 == 2:
        match["headers"] = {"x-lab": {"exact": str(number)}}
    destination = {"host": _service(number), "port": {"number": 80}}
    return {"match": [match], "route": [{"destination": destination}]}

"""Cases written by hand: the fields of an ``http`` entry and of a DestinationRule, requests, and
Envoy's answers beside them.

``cases/NAME.yaml`` has the cases of a group of fields, ``cases/NAME.json`` what Envoy answered,
written by ``python -m tests.conformance record``.  A case is short for a Gateway, a VirtualService
and the services that it names::

    - name: what the reader should know
      http: [...]                         # of the VirtualService
      hosts: [shop.test]                  # of the VirtualService; that is the default
      servers: [...]                      # of the Gateway; port 80 by default
      rules: {web: {trafficPolicy: ...}}  # DestinationRules, by host
      pods: {web: [{version: v1}, {}]}    # labels of a service's pods; one without any by default
                                          # null: nobody describes the service
      paths: MERGE_SLASHES                # pathNormalization
      pending: reason                     # the gateway does not do this yet
      live: reason                        # Envoy's answer is not the same every time: ask it anew
      apart: 0.05                         # seconds between requests, which do not wait for answers
      requests:
        - GET /path                       # to shop.test
        - send: POST /path
          host: other.test
          version: "1.0"
          headers: ["x-user: 1"]
          body: text
          pod: [503, close, {status: 200, wait: 0.1, headers: ["x-a: 1"], body: text}]
          port: 443                       # of the Gateway
          tls: shop.test                  # the server that the client asks for
          certificate: client             # that it shows
          after: 0.1                      # seconds to wait before it
          differs: anchor                 # in docs/conformance.md
          ours: {status: 400, lacks: [x]} # and what the gateway answers: parts, and no fields
        - raw: "GET / HTTP/1.1\\r\\n..."    # to the byte

In ``servers``, KEYS stands for the folder of the certificates (:mod:`.keys`).
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hybridmesh.config import load
from hybridmesh.config.model import Mesh

from .client import Request
from .exchange import Answer
from .pods import Pods, Step

__all__ = [
    "FOLDER",
    "Asked",
    "Case",
    "answers",
    "cases",
    "keep_answers",
    "load_text",
    "mesh_of",
    "resource",
    "whole_yaml",
]


Json = dict[str, Any]

FOLDER = Path(__file__).parent / "cases"

_HOST = "shop.test"
_LOCAL = "svc.cluster.local"
_SERVER: Json = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}


@dataclass(frozen=True)
class Asked:
    """A request of a case.

    Attributes
    ----------
    script : tuple of Step
        What the pods do.
    port : int
        Of the Gateway.
    tls : str
        Name of the server that the client asks for; "": it does not speak TLS.
    certificate : str
        That it shows; "": none.
    after : float
        Seconds to wait before it.
    differs : str
        Anchor of the deliberate difference; "": none.
    ours : dict
        With *differs*: parts of the gateway's answer, and under ``lacks`` fields that it has not.
    """

    request: Request
    script: tuple[Step, ...]
    port: int = 80
    tls: str = ""
    certificate: str = ""
    after: float = 0.0
    differs: str = ""
    ours: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A case as it is written; ``namespace`` is its own."""

    file: str
    name: str
    namespace: str
    http: Sequence[Any]
    hosts: Sequence[str]
    servers: Sequence[Any]
    rules: Mapping[str, Any]
    pods: dict[str, Sequence[Mapping[str, str]] | None]
    paths: str
    pending: str
    live: str
    apart: float | None
    asked: tuple[Asked, ...]

    def services(self) -> dict[str, Sequence[Mapping[str, str]]]:
        """The labels of each service's pods."""
        named: dict[str, Sequence[Mapping[str, str]] | None]
        named = {host: [{}] for host in sorted(set(_destinations(self.http)))}
        return {host: labels for host, labels in (named | self.pods).items() if labels is not None}


def cases() -> Iterator[Case]:
    """All cases, in the order in which they are written."""
    for path in sorted(FOLDER.glob("*.yaml")):
        written = yaml.safe_load(path.read_text())
        names = [data["name"] for data in written]
        assert len(set(names)) == len(names), f"{path}: two cases of one name"
        for number, data in enumerate(written):
            yield _case(path.stem, number, dict(data))


def _case(file: str, number: int, data: Json) -> Case:
    case = Case(
        file=file,
        name=data.pop("name"),
        namespace=f"{file}-{number}",
        http=data.pop("http"),
        hosts=data.pop("hosts", [_HOST]),
        servers=data.pop("servers", [_SERVER]),
        rules=data.pop("rules", {}),
        pods=data.pop("pods", {}),
        paths=data.pop("paths", ""),
        pending=data.pop("pending", ""),
        live=data.pop("live", ""),
        apart=data.pop("apart", None),
        asked=tuple(map(_asked, data.pop("requests"))),
    )
    assert not data, f"{file}: {case.name}: what is {', '.join(data)}?"
    return case


def _asked(data: Any) -> Asked:
    if isinstance(data, str):
        data = {"send": data}
    data = dict(data)
    script = tuple(map(_step, data.pop("pod", ())))
    plain = {
        key: data.pop(key)
        for key in ("port", "tls", "certificate", "after", "differs", "ours")
        if key in data
    }
    if "raw" in data:
        request = Request(raw=data.pop("raw"))
    else:
        host, body = data.pop("host", _HOST), data.pop("body", "")
        lines = [*([] if host is None else [f"host: {host}"]), *data.pop("headers", ())]
        if body and not any(line.lower().startswith("transfer-encoding") for line in lines):
            lines.append(f"content-length: {len(body)}")
        version = data.pop("version", "1.1")
        request = Request(f"{data.pop('send')} HTTP/{version}", tuple(lines), body)
    assert not data, f"what is {', '.join(data)} of a request?"
    return Asked(request, script, **plain)


def _step(data: Any) -> Step:
    if data == "close":
        return Step(0)
    if isinstance(data, int):
        return Step(data)
    data = dict(data)
    return Step(fields=tuple(data.pop("headers", ())), **data)


def _destinations(data: Any) -> Iterator[str]:
    """The hosts of all destinations and mirrors below *data*."""
    if isinstance(data, list):
        for item in data:
            yield from _destinations(item)
    elif isinstance(data, dict):
        for key, value in data.items():
            if key in ("destination", "mirror") and "host" in value:
                yield value["host"]
            else:
                yield from _destinations(value)


# ------------------------------------------------------------------ to a mesh
async def mesh_of(case: Case, pods: Pods, keys: Path) -> Mesh:
    """The case's YAML as the gateway reads it, with *pods* at its services and certificates in the
    folder *keys*."""
    routes = {"hosts": case.hosts, "gateways": ["gateway"], "http": case.http}
    resources = [
        resource("VirtualService", "routes", routes),
        *(
            resource("DestinationRule", host, {"host": host, **rule})
            for host, rule in case.rules.items()
        ),
    ]
    if case.paths:
        resources.append(_mesh_config(case.paths))
    text = await whole_yaml(resources, case.namespace, case.services(), pods, case.servers)
    return load_text(text.replace("KEYS", str(keys)))


async def whole_yaml(
    resources: Sequence[Json],
    namespace: str,
    services: Mapping[str, Sequence[Mapping[str, str]]],
    pods: Pods,
    servers: Sequence[Json] = (_SERVER,),
) -> str:
    """*resources*, with a Gateway of *servers* in front of them and the *services* behind, whose
    pods have these labels, all in *namespace*."""
    gateway = {"selector": {"istio": "ingressgateway"}, "servers": list(servers)}
    documents = [resource("Gateway", "gateway", gateway), *resources]
    for host, labels in services.items():
        ports = [await pods.port(f"{host}-{number}") for number in range(1, len(labels) + 1)]
        documents.append(_service(host, namespace, ports, labels))
    for document in documents:
        document["metadata"]["namespace"] = namespace
    return yaml.safe_dump_all(documents, sort_keys=False)


def load_text(text: str) -> Mesh:
    """The mesh of YAML that is in no file yet."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mesh.yaml")
        path.write_text(text)
        return load([path])


def resource(kind: str, name: str, spec: Json) -> Json:
    """One of Istio's."""
    version = "networking.istio.io/v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _mesh_config(normalization: str) -> Json:
    settings = {"pathNormalization": {"normalization": normalization}}
    document = resource("IstioOperator", "istio", {"meshConfig": settings})
    return document | {"apiVersion": "install.istio.io/v1alpha1"}


def _service(
    host: str, namespace: str, ports: Sequence[int], labels: Sequence[Mapping[str, str]]
) -> Json:
    endpoints = [
        {"address": "127.0.0.1", "ports": {"http": port}, "labels": dict(own)}
        for port, own in zip(ports, labels, strict=True)
    ]
    spec = {
        "hosts": [host if "." in host else f"{host}.{namespace}.{_LOCAL}"],
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        "resolution": "STATIC",
        "endpoints": endpoints,
    }
    return resource("ServiceEntry", host, spec)


# ------------------------------------------------------------------ Envoy's recorded answers
def answers(file: str) -> dict[str, list[Answer]]:
    """Envoy's answers to the cases of *file*, by the name of the case."""
    path = FOLDER / f"{file}.json"
    if not path.exists():
        return {}
    written = json.loads(path.read_text())
    return {name: [Answer.from_json(data) for data in said] for name, said in written.items()}


def keep_answers(file: str, said: Mapping[str, Sequence[Answer]]) -> None:
    data = {name: [answer.to_json() for answer in given] for name, given in said.items()}
    (FOLDER / f"{file}.json").write_text(json.dumps(data, indent=1, ensure_ascii=True) + "\n")

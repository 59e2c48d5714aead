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
      services: {web: {resolution: DNS}}  # what else the ServiceEntry says; endpoints get their
                                          # ports, and are as many as there are pods
      more:                               # other resources
        - {kind: WorkloadEntry, name: a, spec: ...}
        - {kind: Secret, name: b, stringData: {cert: FILE/ca.pem}}
      home: region/zone                   # of the gateway
      paths: MERGE_SLASHES                # pathNormalization
      pending: reason                     # the gateway does not do this yet
      live: reason                        # Envoy's answer is not the same every time: ask it anew
      shares: true                        # how often pods are reached is compared, not which when
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

KEYS stands for the folder of the certificates (:mod:`.keys`), FILE/ca.pem for all of a file in it,
HASH/client for the SHA-256 of a certificate, SPKI/client for that of its key, PORT-web-7 for the
port of a pod.  In requests and in what pods answer, ``<a*1000>`` is a thousand times ``a``, and a
field ``x-<100>: 1`` a hundred of them, ``x-1`` first.
"""

import json
import re
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hybridmesh.config import load
from hybridmesh.config.model import Mesh

from .client import Request
from .exchange import Answer, repeated
from .keys import Keys
from .pods import Pods, Step

__all__ = [
    "FOLDER",
    "Asked",
    "Case",
    "answers",
    "cases",
    "keep_answers",
    "load_text",
    "mesh_config",
    "mesh_of",
    "resource",
    "text_of",
    "whole_yaml",
]


Json = dict[str, Any]

FOLDER = Path(__file__).parent / "cases"

_POD = re.compile(r"PORT-(\w+-\d+)")
_MANY = re.compile(r"([^:]*)<(\d+)>(:.*)")
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
    described: Mapping[str, Json]
    more: Sequence[Json]
    home: str
    paths: str
    pending: str
    live: str
    shares: bool
    apart: float | None
    asked: tuple[Asked, ...]

    def services(self) -> dict[str, Json]:
        """What the ServiceEntry of each service says."""
        named: dict[str, Sequence[Mapping[str, str]] | None]
        named = {host: [{}] for host in sorted(set(_destinations(self.http)))}
        specs = {
            host: {"endpoints": [{"labels": dict(own)} for own in labels]}
            for host, labels in (named | self.pods).items()
            if labels is not None
        }
        for host, spec in self.described.items():
            specs[host] = specs.get(host, {}) | spec
        return specs


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
        described=data.pop("services", {}),
        more=data.pop("more", []),
        home=data.pop("home", ""),
        paths=data.pop("paths", ""),
        pending=data.pop("pending", ""),
        live=data.pop("live", ""),
        shares=data.pop("shares", False),
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
        request = Request(raw=repeated(data.pop("raw")))
    else:
        host, body = data.pop("host", _HOST), repeated(data.pop("body", ""))
        lines = [*([] if host is None else [f"host: {host}"]), *_lines(data.pop("headers", ()))]
        if body and not any(line.lower().startswith("transfer-encoding") for line in lines):
            lines.append(f"content-length: {len(body)}")
        version = data.pop("version", "1.1")
        request = Request(f"{repeated(data.pop('send'))} HTTP/{version}", tuple(lines), body)
    assert not data, f"what is {', '.join(data)} of a request?"
    return Asked(request, script, **plain)


def _step(data: Any) -> Step:
    if data == "close":
        return Step(0)
    if isinstance(data, int):
        return Step(data)
    data = dict(data)
    for key in data.keys() & {"body", "raw"}:
        data[key] = repeated(data[key])
    return Step(fields=tuple(_lines(data.pop("headers", ()))), **data)


def _lines(data: Sequence[str]) -> Iterator[str]:
    for line in data:
        many = _MANY.fullmatch(line)
        if many:
            yield from (f"{many[1]}{number}{many[3]}" for number in range(1, int(many[2]) + 1))
        else:
            yield repeated(line)


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
async def mesh_of(case: Case, pods: Pods, keys: Keys) -> Mesh:
    """The case's YAML as the gateway reads it, with *pods* at its services."""
    return load_text(await text_of(case, pods, keys), case.home)


async def text_of(case: Case, pods: Pods, keys: Keys) -> str:
    """The same before it is read."""
    routes = {"hosts": case.hosts, "gateways": ["gateway"], "http": case.http}
    resources = [
        resource("VirtualService", "routes", routes),
        *(
            resource("DestinationRule", host, {"host": host, **rule})
            for host, rule in case.rules.items()
        ),
        *(_other(dict(one), keys) for one in case.more),
    ]
    if case.paths:
        resources.append(mesh_config(case.paths))
    text = await whole_yaml(resources, case.namespace, case.services(), pods, case.servers)
    return keys.replaced(text)


async def whole_yaml(
    resources: Sequence[Json],
    namespace: str,
    services: Mapping[str, Json],
    pods: Pods,
    servers: Sequence[Json] = (_SERVER,),
) -> str:
    """*resources*, with a Gateway of *servers* in front of them and the *services* behind, whose
    ServiceEntries say this besides the pods' ports, all in *namespace*."""
    gateway = {"selector": {"istio": "ingressgateway"}, "servers": list(servers)}
    documents = [resource("Gateway", "gateway", gateway), *resources]
    for host, spec in services.items():
        named = range(1, len(spec.get("endpoints", ())) + 1)
        ports = [await pods.port(f"{host}-{number}") for number in named]
        documents.append(_service(host, namespace, ports, spec))
    for document in documents:
        document["metadata"]["namespace"] = namespace
    text = yaml.safe_dump_all(documents, sort_keys=False)
    for pod in set(_POD.findall(text)):
        text = text.replace(f"PORT-{pod}", str(await pods.port(pod)))
    return text


def load_text(text: str, home: str = "") -> Mesh:
    """The mesh of YAML that is in no file yet, for a gateway at the locality *home*."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mesh.yaml")
        path.write_text(text)
        return load([path], home)


def resource(kind: str, name: str, spec: Json) -> Json:
    """One of Istio's."""
    version = "networking.istio.io/v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _other(data: Json, keys: Keys) -> Json:
    kind, name = data.pop("kind"), data.pop("name")
    if kind == "IstioOperator":
        return _operator(data["spec"])
    if "spec" in data:
        return resource(kind, name, data["spec"])
    secret: Json = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
    for field_name, encode in (("stringData", str), ("data", _base64)):
        files = data.get(field_name, {}).items()
        secret[field_name] = {
            part: encode(keys.file(text.removeprefix("FILE/"))) for part, text in files
        }
    return secret


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def mesh_config(normalization: str) -> Json:
    """How the mesh normalises paths."""
    return _operator({"meshConfig": {"pathNormalization": {"normalization": normalization}}})


def _operator(spec: Json) -> Json:
    return resource("IstioOperator", "istio", spec) | {"apiVersion": "install.istio.io/v1alpha1"}


def _service(host: str, namespace: str, ports: Sequence[int], spec: Json) -> Json:
    endpoints = [
        {"address": "127.0.0.1", "ports": {"http": port}, **endpoint}
        for port, endpoint in zip(ports, spec.get("endpoints", ()), strict=True)
    ]
    whole = {
        "hosts": [host if "." in host else f"{host}.{namespace}.{_LOCAL}"],
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        "resolution": "STATIC",
    }
    return resource("ServiceEntry", host, whole | spec | {"endpoints": endpoints})


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

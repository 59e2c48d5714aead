"""Random Istio YAML and random request heads whose values come from the same small pools, so that
they hit, miss and overlap often.
"""

import random
from dataclasses import replace

import yaml
from conformance.randommatch import (
    ASKED_HOSTS,
    METHODS,
    NAMES,
    PATHS,
    VALUES,
    random_hosts,
    random_match,
    random_query,
)

from hybridmesh.config.model import RouteTable

__all__ = ["random_head", "random_yaml", "with_prefixes"]

PREFIXES = ("shop.*", "shop.t*", "shop.eu.*", "api.*", "a*")


def random_yaml(rng: random.Random) -> str:
    """A gateway, one to four VirtualServices with hosts of their own, and the pods."""
    documents: list[dict[str, object]] = [
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "Gateway",
            "metadata": {"name": "gateway"},
            "spec": {
                "selector": {"istio": "ingressgateway"},
                "servers": [
                    {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
                ],
            },
        },
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "ServiceEntry",
            "metadata": {"name": "pods"},
            "spec": {
                "hosts": ["pods.default.svc.cluster.local"],
                "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
                "resolution": "STATIC",
                "endpoints": [{"address": "127.0.0.1"}],
            },
        },
    ]
    for number, mine in enumerate(random_hosts(rng)[: rng.randint(1, 4)]):
        http = []
        for index in range(rng.choice((1, 3, 8, 20))):
            entry: dict[str, object] = {
                "name": f"r{index}",
                "route": [{"destination": {"host": "pods"}}],
            }
            matches = [random_match(rng) for _ in range(rng.randint(1, 2))]
            if rng.random() < 0.95 and all(matches):
                entry["match"] = matches
            http.append(entry)
        documents.append(
            {
                "apiVersion": "networking.istio.io/v1",
                "kind": "VirtualService",
                "metadata": {"name": f"vs{number}"},
                "spec": {"hosts": mine, "gateways": ["gateway"], "http": http},
            }
        )
    return yaml.safe_dump_all(documents, sort_keys=False)


def with_prefixes(rng: random.Random, table: RouteTable) -> RouteTable:
    """*table* with some virtual hosts at domains that Istio's YAML cannot give them."""
    domains = rng.sample(PREFIXES, len(PREFIXES))
    hosts = [
        replace(host, domain=domains.pop()) if domains and rng.random() < 0.5 else host
        for host in table.virtual_hosts
    ]
    return replace(table, virtual_hosts=tuple(hosts))


def random_head(rng: random.Random) -> bytes:
    """A request head, now and then an odd or a broken one."""
    path = rng.choice(PATHS) + rng.choice(
        ("", "", "", "/", "x", "1", "/../api", "%41", "//", "/..")
    )
    query = ""
    if rng.random() < 0.4:
        query = f"?{random_query(rng)}"
    lines = [
        f"{rng.choice((*METHODS, 'GET', 'GET', 'HEAD', 'OPTIONS', 'FOO'))} {path}{query} HTTP/1.1",
        f"Host: {rng.choice(ASKED_HOSTS)}",
    ]
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        name = rng.choice((*NAMES, "X-User", "Connection", "x-other", "Content-Length"))
        value = {"Connection": "keep-alive", "Content-Length": "0"}.get(name, rng.choice(VALUES))
        if name == "Connection":
            value = rng.choice((value, "close", "x-user"))
        lines.append(f"{name}: {value}")
    head = "".join(f"{line}\r\n" for line in (*lines, "")).encode()
    if rng.random() < 0.1:
        spot = rng.randrange(len(head))
        patch = rng.choice((b"", b" ", b"\r", b"\n", b":", b"\x00", b"\xff", b"%", b"a"))
        head = head[:spot] + patch + head[spot + rng.randint(0, 1) :]
    return head

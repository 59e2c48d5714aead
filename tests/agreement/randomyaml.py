"""Random Istio YAML and random request heads whose values come from the same small pools, so that
they hit, miss and overlap often.
"""

import random
from dataclasses import replace

import yaml

from hybridmesh.config.model import RouteTable

__all__ = ["random_head", "random_yaml", "with_prefixes"]

LABEL = "l" * 30
HOSTS = (
    "shop.test",
    "*.shop.test",
    "a.shop.test",
    "api.test",
    "*.test",
    "deep.a.shop.test",
    f"{LABEL}.{LABEL}.example",  # 69 bytes, more than are looked up
    f"*.{LABEL}.example",
)
PREFIXES = ("shop.*", "shop.t*", "shop.eu.*", "api.*", "a*", "*")
ASKED_HOSTS = (
    *HOSTS[:6:2],
    HOSTS[6],
    f"{LABEL}.{LABEL}.EXAMPLE:80",
    f"x{HOSTS[6]}",
    f"x.{LABEL}.example",
    "b.shop.test",
    "x.y.test",
    "API.TEST",
    "shop.test:8080",
    "Shop.EU.example",
    "shop.eu",
    "shop.t",
    "api.x:80",
    "a",
    "other",
    "test",
)
PATHS = (
    "/",
    "/api",
    "/api/",
    "/api/cart",
    "/api/cart/1",
    "/apiary",
    "/API",
    "/Api/Cart",
    "/static/app.js",
    "/a" * 31,
    "/a" * 32,
)
REGEXES = (
    "/api/[a-z]+",
    "/api/.*",
    ".*",
    "/static/.*[.]js",
    "/(api|static)(/.*)?",
    "/api/cart/[0-9]+",
)
NAMES = ("x-user", "x-tier", "cookie", "accept", "user-agent")
VALUES = ("1", "beta", "beta2", "gold", "a=b; c=d")
METHODS = ("GET", "POST", "PUT", "DELETE")
PARAMETERS = ("page", "q", "pa")
PARAMETER_VALUES = ("1", "12", "beta", "", "%31", "a=b", "a+b", "no such")
PARTS = (
    "q",
    "q=",
    "q=1",
    "q=12",
    "page=beta",
    "page=1",
    "pa",
    "pa=a=b",
    "Q=1",
    "q=%31",
    "q=a+b",
    "",
)


def _string(rng: random.Random, exact: tuple[str, ...], regexes: tuple[str, ...]) -> dict[str, str]:
    kind = rng.choice(("exact", "exact", "prefix", "prefix", "regex"))
    return {kind: rng.choice(regexes if kind == "regex" else exact)}


def _parameter(rng: random.Random) -> dict[str, str]:
    kind = rng.choice(("exact", "exact", "exact", "prefix", "regex"))
    if kind == "regex":
        return {kind: rng.choice(("*", ".*", "b.*", "[0-9]+", "1?"))}
    return {kind: rng.choice(PARAMETER_VALUES[:3] if kind == "prefix" else PARAMETER_VALUES)}


def _match(rng: random.Random) -> dict[str, object]:
    match: dict[str, object] = {}
    if rng.random() < 0.8:
        match["uri"] = _string(rng, PATHS, REGEXES)
        if rng.random() < 0.25:
            match["ignoreUriCase"] = True
    if rng.random() < 0.25:
        match["method"] = _string(rng, METHODS, ("GET|POST", "P.*"))
    for key, chance in (("headers", 0.35), ("withoutHeaders", 0.15)):
        if rng.random() < chance:
            match[key] = {
                name: {} if rng.random() < 0.2 else _string(rng, VALUES, ("b.*", "[0-9]"))
                for name in rng.sample(NAMES, rng.randint(1, 2))
            }
    if rng.random() < 0.25:
        match["queryParams"] = {
            name: _parameter(rng) for name in rng.sample(PARAMETERS, rng.choice((1, 1, 2)))
        }
    if rng.random() < 0.1:
        match["authority"] = _string(rng, ASKED_HOSTS, (".*test",))
    if rng.random() < 0.05:
        match["scheme"] = {"exact": rng.choice(("http", "https"))}
    return match


def _within(host: str, wildcard: str) -> bool:
    return wildcard.startswith("*") and host.endswith(wildcard[1:])


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
    hosts = rng.sample(HOSTS, len(HOSTS))
    for number in range(rng.randint(1, 4)):
        mine = [hosts.pop() for _ in range(rng.randint(1, 2)) if hosts]
        if len(mine) == 2 and (_within(*mine) or _within(*reversed(mine))):
            mine.pop()  # Istio refuses it
        http = []
        for index in range(rng.choice((1, 3, 8, 20))):
            entry: dict[str, object] = {
                "name": f"r{index}",
                "route": [{"destination": {"host": "pods"}}],
            }
            matches = [_match(rng) for _ in range(rng.randint(1, 2))]
            if rng.random() < 0.95 and all(matches):
                entry["match"] = matches
            http.append(entry)
        if mine:
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
        query = "?" + "&".join(rng.choices(PARTS, k=rng.choice((0, 1, 1, 1, 2, 3))))
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

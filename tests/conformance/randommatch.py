"""Hosts, conditions of routes, and the values that requests have, from the same small pools, so
that they hit, miss and overlap often; ``tests/agreement`` asks the NIC with them too.
"""

import random
from typing import Any

__all__ = [
    "ASKED_HOSTS",
    "METHODS",
    "NAMES",
    "PATHS",
    "VALUES",
    "random_hosts",
    "random_match",
    "random_query",
]

_LABEL = "l" * 30

_HOSTS = (
    *("shop.test", "a.shop.test", "api.test", "deep.a.shop.test"),
    *("*.shop.test", "*.test", "*"),
    *(f"{_LABEL}.{_LABEL}.example", f"*.{_LABEL}.example"),  # the first: more than is looked up
)

ASKED_HOSTS = (
    *("shop.test", "shop.test", "a.shop.test", "b.shop.test", "deep.a.shop.test", "api.test"),
    *("x.y.test", "API.TEST", "shop.test:8080", "shop.test:80", "Shop.Test", "other", "test"),
    *("Shop.EU.example", "shop.eu", "shop.t", "api.x:80", "a"),
    *(f"{_LABEL}.{_LABEL}.example", f"{_LABEL}.{_LABEL}.EXAMPLE:80"),
    *(f"x{_LABEL}.{_LABEL}.example", f"x.{_LABEL}.example"),
)

PATHS = (
    *("/", "/api", "/api/", "/api/cart", "/api/cart/1", "/apiary", "/API", "/Api/Cart", "/a/b"),
    *("/static/app.js", "/a" * 31, "/a" * 32),
)
_REGEXES = (
    *("/api/[a-z]+", "/api/.*", ".*", "/static/.*[.]js", "/(api|static|a)(/.*)?"),
    *("/api/cart/[0-9]+", "/[^/]*"),
)

NAMES = ("x-user", "x-tier", "cookie", "accept", "user-agent")
VALUES = ("1", "beta", "beta2", "gold", "a=b; c=d")
METHODS = ("GET", "POST", "PUT", "DELETE")

_PARAMETERS = ("page", "q", "pa")
_PARAMETER_VALUES = ("1", "12", "beta", "", "%31", "a=b", "a+b", "no such")
_PARTS = (
    *("q", "q=", "q=1", "q=12", "page=beta", "page=1", "pa", "pa=a=b", "Q=1", "q=%31", "q=a+b"),
    "",
)

_Json = dict[str, Any]


def random_hosts(rng: random.Random) -> list[list[str]]:
    """Hosts for several VirtualServices; each host comes once."""
    hosts = rng.sample(_HOSTS, len(_HOSTS))
    found = []
    while len(hosts) > 1:
        mine = [hosts.pop() for _ in range(rng.randint(1, 2))]
        if len(mine) == 2 and (_within(*mine) or _within(*reversed(mine))):
            mine.pop()  # Istio refuses it
        found.append(mine)
    return found


def _within(host: str, wildcard: str) -> bool:
    return wildcard.startswith("*") and host.endswith(wildcard[1:])


def random_match(rng: random.Random) -> _Json:
    """An ``HTTPMatchRequest``; it may be empty."""
    match: _Json = {}
    if rng.random() < 0.8:
        match["uri"] = _string(rng, PATHS, _REGEXES)
        if rng.random() < 0.25:
            match["ignoreUriCase"] = True
    if rng.random() < 0.25:
        match["method"] = _string(rng, METHODS, ("GET|POST", "P.*"))
    for key, chance in (("headers", 0.3), ("withoutHeaders", 0.15)):
        if rng.random() < chance:
            match[key] = {
                name: {} if rng.random() < 0.2 else _string(rng, VALUES, ("b.*", "[0-9]"))
                for name in rng.sample(NAMES, rng.randint(1, 2))
            }
    if rng.random() < 0.25:
        match["queryParams"] = {
            name: _parameter(rng) for name in rng.sample(_PARAMETERS, rng.choice((1, 1, 2)))
        }
    if rng.random() < 0.1:
        match["authority"] = _string(rng, ASKED_HOSTS, (".*test",))
    if rng.random() < 0.05:
        match["scheme"] = {"exact": rng.choice(("http", "https"))}
    return match


def _string(rng: random.Random, exact: tuple[str, ...], regexes: tuple[str, ...]) -> _Json:
    kind = rng.choice(("exact", "exact", "prefix", "prefix", "regex"))
    return {kind: rng.choice(regexes if kind == "regex" else exact)}


def _parameter(rng: random.Random) -> _Json:
    kind = rng.choice(("exact", "exact", "exact", "prefix", "regex"))
    if kind == "regex":
        return {kind: rng.choice(("*", ".*", "b.*", "[0-9]+", "1?"))}
    return {kind: rng.choice(_PARAMETER_VALUES[:3] if kind == "prefix" else _PARAMETER_VALUES)}


def random_query(rng: random.Random) -> str:
    """What stands behind the ``?``."""
    return "&".join(rng.choices(_PARTS, k=rng.choice((0, 1, 1, 1, 2, 3))))

"""Route tables and heads for tests, and a matcher that goes through every route in order.

The linear matcher is the tests' referee.  It is written from the semantics alone, with Python's
own ``re``, and shares no code with the package's matcher.
"""

import random
import re

from hybridmesh.config.model import (
    FieldMatch,
    Forward,
    Location,
    MatchKind,
    Route,
    RouteMatch,
    RouteTable,
    StringMatch,
    VirtualHost,
    WeightedCluster,
)
from hybridmesh.reference.head import Head, parse

EXACT, PREFIX, REGEX, PRESENT = MatchKind
HERE = Location("table.yaml", 1)


def text(spec: str | None, *, ignore_case: bool = False) -> StringMatch | None:
    """``=abc`` exact, ``^abc`` prefix, ``~abc`` regex, ``?`` present; None for none."""
    if spec is None:
        return None
    kind = {"=": EXACT, "^": PREFIX, "~": REGEX, "?": PRESENT}[spec[0]]
    return StringMatch(kind, spec[1:], ignore_case)


def field(spec: str) -> FieldMatch:
    """``name=abc`` and so on as in :func:`text`; ``!name=abc`` is inverted."""
    name, rest = re.fullmatch(r"!?([^=^~?]+)(.*)", spec, re.DOTALL).groups()
    return FieldMatch(name, text(rest), invert=spec.startswith("!"))


def route(path=None, *headers, query=(), ignore_case=False, name="", **conditions) -> Route:
    """A route; *headers* and *query* as in :func:`field`, the rest as in :func:`text`."""
    match = RouteMatch(
        path=text(path, ignore_case=ignore_case),
        headers=tuple(map(field, headers)),
        query=tuple(map(field, query)),
        **{key: text(value) for key, value in conditions.items()},
    )
    name = name or f"default/vs/{path}"
    return Route(name, match, Forward((WeightedCluster("outbound|80||pod"),)), HERE)


def table(hosts: dict[str, tuple[Route, ...]]) -> RouteTable:
    return RouteTable(80, tuple(VirtualHost(f"{d}:80", d, r) for d, r in hosts.items()))


def head(path="/", *lines: str, method="GET", host="h") -> Head:
    start = (f"{method} {path} HTTP/1.1", f"Host: {host}")
    return parse("".join(f"{line}\r\n" for line in (*start, *lines, "")).encode("latin-1"))


# --------------------------------------------------------------------------- the referee
def linear_host(hosts: RouteTable, name: str) -> VirtualHost | None:
    def rank(vhost: VirtualHost):
        domain = vhost.domain
        if domain == name:
            return 0, 0
        if domain == "*":
            return 3, 0
        star, stem = domain.find("*"), domain.replace("*", "")
        if star == 0 and name.endswith(stem) and name != stem:
            return 1, -len(stem)
        if star > 0 and name.startswith(stem) and name != stem:
            return 2, -len(stem)
        return None

    ranked = [(rank(vhost), vhost) for vhost in hosts.virtual_hosts if rank(vhost)]
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None


def linear_match(hosts: RouteTable, request: Head, start: int = 0) -> int | None:
    vhost = linear_host(hosts, request.host)
    for index, candidate in enumerate(vhost.routes if vhost else ()):
        if index >= start and holds(candidate.match, request):
            return index
    return None


def holds(match: RouteMatch, request: Head) -> bool:
    path, want = request.path, match.path
    if want and want.ignore_case and want.kind is not REGEX:
        upper = {i: i - 32 for i in range(ord("a"), ord("z") + 1)}
        path = path.translate(upper)
        want = StringMatch(want.kind, want.value.translate(upper))
    parameters = {}
    for part in (request.query or "").split("&"):
        name, _, value = part.partition("=")
        parameters.setdefault(name, [value])
    return (
        (not want or agrees(want, path))
        and (not match.method or agrees(match.method, request.method))
        and (not match.scheme or agrees(match.scheme, "http"))
        and (not match.authority or agrees(match.authority, request.authority))
        and all(field_holds(f, request.values(f.name)) for f in match.headers)
        and all(field_holds(f, parameters.get(f.name, [])) for f in match.query)
    )


def field_holds(want: FieldMatch, values: list[str]) -> bool:
    if want.match.kind is PRESENT:
        return bool(values) != want.invert
    if want.invert:
        return all(not agrees(want.match, value) for value in values or [""])
    return any(agrees(want.match, value) for value in values)


def agrees(want: StringMatch, value: str) -> bool:
    pattern = want.value.encode().decode("latin-1")
    match want.kind:
        case MatchKind.EXACT:
            return value == pattern
        case MatchKind.PREFIX:
            return value[: len(pattern)] == pattern
        case MatchKind.REGEX:
            return re.fullmatch(pattern, value) is not None
    return True


# --------------------------------------------------------------------------- random tables
LONG = "l" * 60 + ".y"
DOMAINS = (
    "a.example.com", "b.example.com", "*.example.com", "*.b.example.com", "x.y", "*.y", "*",
    "a.*", "a.example.*", "x*", "b.e*", LONG, "z" + LONG, "l" * 50 + "*",
)  # fmt: skip
HOSTS = (
    "a.example.com", "B.Example.com:80", "c.b.example.com", "b.example.com", "x.y", "y", "q",
    "A.x:8080", "a.example.org", "b.example", "x", "xx:1", LONG, "zz" + LONG, "l" * 51,
)  # fmt: skip
SEGMENTS = ("api", "apiary", "API", "a", "b", "v1", "v12", "[", "~", "0")
METHODS = ("=GET", "=POST", "=PURGE", "^P", "~GET|HEAD", "~P.*", "~(PURGE|GET)", "=get")
REGEXES = (
    "/api/v[12]/.*", "/a.*", ".*", "/(api|a)/[^/]+", "/api", "/[^v]*", r"/api/v\d+", "^/b/.*$",
    "(?i)/api.*", "/a/?", r"/\[.*", "/b|/a/.*", "/a{1,2}",
)  # fmt: skip
NAMES = ("x-a", "x-b", "x-user-group")
VALUES = ("1", "2", "12", "1,2", "a b", "A b")
VALUE_REGEXES = ("1.*", "[12]+", ".*", "1", "1|2", ".+", "(1,)*2")

PARAMETERS = (
    "q=1", "q=2", "q?", "q^", "q^1", "q=", "q~[12]*", "q~1.*", "r^1", "r=12", "r?", "Q=1", "q=%31",
    "q=a b", "!q=1", "!q=", "!q?", "!r^1", "!r^", "!q~.+",
)  # fmt: skip
PARTS = ("q=1", "q=2", "q", "q=", "q=12", "r=12", "r", "Q=1", "q=%31", "qq=1", "", "q==1", "r=1&r")


def random_path(rng: random.Random) -> str:
    return "/" + "/".join(rng.choices(SEGMENTS, k=rng.choice((1, 1, 2, 2, 3))))


def random_route(rng: random.Random) -> Route:
    path = random_path(rng)
    spec = rng.choice(
        (None, "^/", "=" + path, "=" + path, "^" + path, "^" + path[: rng.randint(1, len(path))])
        + ("~" + rng.choice(REGEXES),)
    )
    conditions = {}
    if rng.random() < 0.15:
        conditions["method"] = rng.choice(METHODS)
    if rng.random() < 0.05:
        conditions["scheme"] = rng.choice(("=http", "=https", "^ht", "~https?"))
    if rng.random() < 0.05:
        conditions["authority"] = rng.choice(("=a.example.com", "^B.E", "~.*:80", "=x.y"))
    if rng.random() < 0.15:
        conditions["query"] = rng.sample(PARAMETERS, rng.choice((1, 1, 2)))
    headers = [random_field(rng) for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    ignore_case = rng.random() < 0.2
    return route(spec, *headers, ignore_case=ignore_case, name=str(rng.random()), **conditions)


def random_field(rng: random.Random) -> str:
    comparison = rng.choice(
        ("?", "^" + rng.choice(VALUES)[0], "^", "=", "~" + rng.choice(VALUE_REGEXES))
        + ("=" + rng.choice(VALUES),) * 4
    )
    return rng.choice(("", "", "!")) + rng.choice(NAMES) + comparison


def random_table(rng: random.Random, most: int = 12) -> RouteTable:
    domains = rng.sample(DOMAINS, rng.randint(2, 7))
    lists = [tuple(random_route(rng) for _ in range(rng.randint(0, most))) for _ in domains[1:]]
    lists.append(lists[0] if lists and rng.random() < 0.5 else (random_route(rng),))
    return table(dict(zip(domains, lists, strict=True)))


def random_head(rng: random.Random, *, plain: bool = False) -> Head:
    """*plain*: nothing that the NIC leaves to the software but repeated fields."""
    path = random_path(rng)
    if rng.random() < 0.4:
        path += "?" + "&".join(rng.choices(PARTS, k=rng.choice((1, 1, 2, 3))))
    lines = []
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3))):
        name = rng.choice(NAMES)
        value = rng.choice(VALUES if plain else (*VALUES, "", "é"))
        lines.append(f"{rng.choice((name, name.title(), name.upper()))}: {value}")
    method = rng.choice(("GET", "GET", "POST", "PURGE", "HEAD", "PUT"))
    return head(path, *lines, method=method, host=rng.choice(HOSTS))

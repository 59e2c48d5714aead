"""Random tables and requests whose values come from the same small pools, so that they hit, miss
and overlap often.

A table is YAML as a user writes it; table *n* of a seed is always the same, and so are its
requests.  Nothing in it is left to chance when a request comes: weights and percentages are all or
nothing, and every service has one pod.
"""

import random
from typing import Any

from .cases import Asked, mesh_config, resource
from .client import Request
from .pods import Step
from .randommatch import (
    ASKED_HOSTS,
    METHODS,
    NAMES,
    PATHS,
    VALUES,
    random_hosts,
    random_match,
    random_query,
)

__all__ = ["SERVICES", "random_request", "random_resources"]

SERVICES = ("web", "api", "cart", "shadow")

_ENDS = ("", "", "", "", "/", "x", "/1", "/../api", "/%41", "//", "/./a", "/..", "%2Fx", "?", "#x")
_ORIGINS = ("https://a.test", "https://b.test", "http://a.test", "null")

_Json = dict[str, Any]


# ------------------------------------------------------------------ tables
def random_resources(rng: random.Random) -> list[_Json]:
    """VirtualServices, with hosts of their own, and how paths are normalised."""
    found = []
    if rng.random() < 0.4:
        normalizations = ("NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES")
        found.append(mesh_config(rng.choice(normalizations)))
    for number, mine in enumerate(random_hosts(rng)[: rng.choice((3, 5, 7))]):
        http = [_entry(rng) for _ in range(rng.choice((1, 3, 6, 12)))]
        if rng.random() < 0.6:
            http.append(_forward(rng))
        spec = {"hosts": mine, "gateways": ["gateway"], "http": http}
        found.append(resource("VirtualService", f"routes-{number}", spec))
    return found


def _entry(rng: random.Random) -> _Json:
    entry: _Json = {}
    matches = [random_match(rng) for _ in range(rng.choice((1, 1, 2)))]
    if rng.random() < 0.95 and all(matches):
        entry["match"] = matches
    kind = rng.choices(("forward", "redirect", "direct"), (8, 2, 1))[0]
    if kind == "redirect":
        entry["redirect"] = _redirect(rng)
    elif kind == "direct":
        entry["directResponse"] = _direct_response(rng)
    else:
        entry |= _forward(rng)
    if rng.random() < 0.3:
        entry["headers"] = _headers(rng)
    if rng.random() < 0.2:
        entry["corsPolicy"] = _cors(rng)
    return entry


def _forward(rng: random.Random) -> _Json:
    destination: _Json = {"destination": {"host": rng.choice(SERVICES[:3])}}
    if rng.random() < 0.15:
        destination["headers"] = _headers(rng)
    entry: _Json = {"route": [destination]}
    if rng.random() < 0.1:
        destination["weight"] = 7
        nobody = {"destination": {"host": "shadow"}, "weight": 0, "headers": _headers(rng)}
        entry["route"].insert(rng.randint(0, 1), nobody)
    if rng.random() < 0.3:
        entry["rewrite"] = _rewrite(rng)
    elif rng.random() < 0.1:
        entry["headers"] = {"request": {"set": {"host": "by-headers.test"}}}
    if rng.random() < 0.2:
        entry["timeout"] = rng.choice(("8s", "9s"))
    if rng.random() < 0.3:
        entry["retries"] = _retries(rng)
    if rng.random() < 0.1:
        entry["mirror"] = {"host": "shadow"}
    if rng.random() < 0.08:
        entry["fault"] = _fault(rng)
    return entry


def _redirect(rng: random.Random) -> _Json:
    redirect: _Json = {}
    if rng.random() < 0.5:
        redirect["uri"] = rng.choice(("/new", "/new?x=1", "/", "/a b", "new", "/caf\u00e9#x"))
    if rng.random() < 0.5:
        redirect["authority"] = rng.choice(("other.test", "other.test:8443"))
    if rng.random() < 0.4 or not redirect:
        redirect["scheme"] = rng.choice(("https", "http"))
    if rng.random() < 0.3:
        redirect["port"] = rng.choice((80, 443, 8443))
    elif rng.random() < 0.2:
        redirect["derivePort"] = rng.choice(("FROM_REQUEST_PORT", "FROM_PROTOCOL_DEFAULT"))
    if rng.random() < 0.5:
        redirect["redirectCode"] = rng.choice((301, 302, 303, 307, 308))
    return redirect


def _direct_response(rng: random.Random) -> _Json:
    response: _Json = {"status": rng.choice((200, 404, 503, 299))}
    if rng.random() < 0.7:
        response["body"] = {"string": rng.choice(("hello", "{}", "caf\u00e9"))}
    return response


def _rewrite(rng: random.Random) -> _Json:
    rewrite: _Json = {}
    if rng.random() < 0.4:
        rewrite["authority"] = rng.choice(("inner.test", "inner.test:81", "caf\u00e9"))
    if rng.random() < 0.7 or not rewrite:
        if rng.random() < 0.7:
            rewrite["uri"] = rng.choice(
                ("/", "/v2", "/v2/", "/v2?x=1", "v2#x", "/%2f/../caf\u00e9")
            )
        else:
            pattern, substitution = rng.choice(
                (
                    ("^/api/([^/]*)(.*)$", r"/\1/of\2"),
                    ("a+", "b"),
                    ("[0-9]", r"<\0>"),
                    ("^/", "/x/"),
                )
            )
            rewrite["uriRegexRewrite"] = {"match": pattern, "rewrite": substitution}
    return rewrite


def _retries(rng: random.Random) -> _Json:
    if rng.random() < 0.3:
        return {"attempts": 0}
    retries: _Json = {"attempts": rng.choice((1, 2, 3)), "backoff": "0.001s"}
    words = ("5xx", "gateway-error", "reset", "connect-failure", "retriable-4xx", "404", "503")
    if rng.random() < 0.7:
        retries["retryOn"] = ",".join(rng.sample(words, rng.choice((1, 1, 2, 3))))
    if rng.random() < 0.2:
        retries["perTryTimeout"] = "7s"
    return retries


def _headers(rng: random.Random) -> _Json:
    values = ("new", "%REQ(:path)%", "%REQ(x-user)%", "%REQ(x-none)%", "%%", "a,b")
    headers: _Json = {}
    for side in ("request", "response"):
        if rng.random() < 0.6:
            change = headers[side] = {}
            for verb in ("set", "add"):
                if rng.random() < 0.5:
                    names = rng.sample(("x-new", "x-user", "x-more", "X-Pod"), rng.randint(1, 2))
                    change[verb] = {name: rng.choice(values) for name in names}
            if rng.random() < 0.4:
                change["remove"] = rng.sample(("x-user", "x-tier", "x-pod", "accept"), 1)
    return headers


def _cors(rng: random.Random) -> _Json:
    policy: _Json = {
        "allowOrigins": rng.sample(
            ({"exact": "https://a.test"}, {"prefix": "https://"}, {"regex": ".*[.]test"}), 1
        ),
        "allowMethods": rng.sample(("GET", "POST", "PUT"), 2),
    }
    if rng.random() < 0.5:
        policy["allowHeaders"] = ["x-a", "x-b"]
    if rng.random() < 0.5:
        policy["exposeHeaders"] = ["x-c"]
    if rng.random() < 0.5:
        policy["maxAge"] = "1h"
    if rng.random() < 0.5:
        policy["allowCredentials"] = True
    if rng.random() < 0.3:
        policy["unmatchedPreflights"] = rng.choice(("FORWARD", "IGNORE"))
    return policy


def _fault(rng: random.Random) -> _Json:
    share = {"value": rng.choice((0, 100))}
    if rng.random() < 0.3:
        return {"delay": {"fixedDelay": "0.001s", "percentage": share}}
    return {"abort": {"httpStatus": rng.choice((400, 503, 555)), "percentage": share}}


# ------------------------------------------------------------------ requests
def random_request(rng: random.Random) -> Asked:
    """A request, and what a pod does with it."""
    method = rng.choice((*METHODS, "GET", "GET", "GET", "HEAD", "OPTIONS"))
    target = rng.choice(PATHS) + rng.choice(_ENDS)
    if rng.random() < 0.4 and "#" not in target:
        target += ("&" if "?" in target else "?") + random_query(rng)
    if rng.random() < 0.02:
        target = f"http://{rng.choice(ASKED_HOSTS)}{target}"
    lines = [f"host: {rng.choice((*ASKED_HOSTS, ''))}"]
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        lines.append(_line(rng))
    if method == "OPTIONS" or rng.random() < 0.15:
        lines.append(f"origin: {rng.choice(_ORIGINS)}")
        if rng.random() < 0.8:
            lines.append(f"access-control-request-method: {rng.choice(METHODS)}")
    body = ""
    if method in ("POST", "PUT") or rng.random() < 0.05:
        body = rng.choice(("", "text", "x" * 3000))
        if rng.random() < 0.3:
            lines.append("transfer-encoding: chunked")
            body = (f"{len(body):x}\r\n{body}\r\n" if body else "") + "0\r\n\r\n"
        elif body or rng.random() < 0.5:
            lines.append(f"content-length: {len(body)}")
    if rng.random() < 0.04:
        lines.append("content-type: " + rng.choice(("application/grpc", "application/grpc+proto")))
    version = "1.0" if rng.random() < 0.02 and "transfer-encoding: chunked" not in lines else "1.1"
    return Asked(Request(f"{method} {target} HTTP/{version}", tuple(lines), body), _script(rng))


def _line(rng: random.Random) -> str:
    name = rng.choice((*NAMES, "X-User", "Connection", "x-forwarded-for", "x-other", "te"))
    value = {
        "Connection": rng.choice(("keep-alive", "close", "x-user")),
        "x-forwarded-for": "203.0.113.7",
        "te": rng.choice(("trailers", "gzip")),
    }.get(name, rng.choice(VALUES))
    return f"{name}: {value}"


def _script(rng: random.Random) -> tuple[Step, ...]:
    if rng.random() < 0.85:
        return ()
    steps = [Step(rng.choice((0, 404, 409, 500, 502, 503, 504))) for _ in range(rng.randint(1, 3))]
    return (*steps, Step(fields=("x-user: pod", "X-New: pod")))

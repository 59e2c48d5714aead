"""The request head towards the pod: the client's fields, less the hop's own, plus the gateway's.

There are two ways to the same head.  :func:`pass_through` puts the gateway's lines before the final
empty line of the bytes that came, and looks at nothing; it is only for heads of which the NIC says
that no field needs a proxy (no ``touch``).  :func:`rebuild` goes through the parsed fields.  For a
head without ``touch`` both give the same lines in the same order; only the spelling of names
differs, which rebuild lower-cases as Envoy does.
"""

import re

from hybridmesh.reference.head import Head

from .edge import Introduction

__all__ = ["pass_through", "rebuild"]

_HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade",
     "http2-settings")
)  # fmt: skip
"""RFC 9110, 7.6.1."""

_OURS = frozenset(
    ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-client-cert", "x-request-id",
     "x-envoy-attempt-count", "x-envoy-external-address")
)  # fmt: skip
"""Fields that the gateway writes itself."""

_INSIDE = frozenset(
    f"x-envoy-{name}"
    for name in (
        "decorator-operation", "downstream-service-cluster", "downstream-service-node",
        "expected-rq-timeout-ms", "force-trace", "hedge-on-per-try-timeout", "internal", "ip-tags",
        "max-retries", "original-path", "original-url", "retriable-header-names",
        "retriable-status-codes", "retry-grpc-on", "retry-on", "upstream-alt-stat-name",
        "upstream-rq-per-try-timeout-ms", "upstream-rq-timeout-alt-response",
        "upstream-rq-timeout-ms",
    )
)  # fmt: skip
"""Fields that only a client within the mesh may send; Envoy takes them off at the edge."""

_DROPPED = _HOP_BY_HOP | _OURS | _INSIDE | {"host"}
"""Fields that do not go on as they came."""


def pass_through(head: bytes, lines: bytes) -> bytes:
    """The head as it came, *lines* inserted at its end, without the final empty line."""
    return head[:-2] + lines


def rebuild(head: Head, client: Introduction, lines: bytes, *, upgrade: bool = False) -> bytes:
    """The head from its parsed fields, the gateway's *lines* at its end, without the final empty
    line.

    A chain of *client* is a line of its own before *lines*, unless *head* has a field of its name:
    then it is appended to that one, where it stands.  With *upgrade* the client's wish for another
    protocol goes on, and what comes behind the head has no framing.
    """
    names = dict(head.fields)  # only to see which there are
    out = [f"{head.method} {head.origin_form} HTTP/1.1\r\n"]
    dropped = _DROPPED
    if upgrade:
        dropped = _DROPPED - {"connection", "upgrade"} | {"transfer-encoding"}
        dropped |= head.nominated() - {"upgrade"}
    elif "connection" in names:
        dropped |= head.nominated()  # never Host nor the framing: parse() refuses that
        if (head.value("connection") or "").lower() == "keep-alive":
            dropped -= {"connection"}  # it is as true of the gateway's own connection to the pod
    if "host" not in names:  # an absolute-form target named it
        out.append(f"host: {head.authority}\r\n")
    chains = client.chains
    joined = {name for name in (*chains, *client.kept) if name in names}
    trailers = True
    for name, value in head.fields:
        if name not in dropped:
            out.append(f"{name}: {value}\r\n")
        elif name == "host":
            out.append(f"host: {head.authority}\r\n")
        elif name == "transfer-encoding" and not upgrade:
            out.append("transfer-encoding: chunked\r\n")
        elif name in joined:
            joined.remove(name)  # one line takes the place of all
            chain = f",{chains[name]}" if name in chains else ""
            out.append(f"{name}: {head.value(name)}{chain}\r\n")
        elif name == "te" and trailers and "trailers" in re.split(r"[\t ,]+", value.lower()):
            trailers = False  # once is enough
            out.append("te: trailers\r\n")
    out += [f"{name}: {text}\r\n" for name, text in chains.items() if name not in names]
    return "".join(out).encode("latin-1") + lines

"""The request head towards the pod: the client's fields, less the hop's own, plus the gateway's.

There are two ways to the same head.  :func:`pass_through` puts the gateway's lines before the final
empty line of the bytes that came, and looks at nothing; it is only for heads of which the NIC says
that no field needs a proxy (no ``touch``).  :func:`rebuild` goes through the parsed fields.  For a
head without ``touch`` both give the same lines in the same order; only the spelling of names
differs, which rebuild lower-cases as Envoy does.
"""

import random

from hybridmesh.reference.head import Head

__all__ = ["forwarded", "make_request_id", "pass_through", "rebuild"]

_HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
     "upgrade", "http2-settings")
)  # fmt: skip
"""RFC 9110, 7.6.1.  ``trailer`` is among them because trailer sections are dropped."""

_OURS = frozenset(
    ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-client-cert", "x-request-id")
)
"""Fields that the gateway answers or writes itself."""

_KEPT = frozenset(("host", "content-length"))
"""Fields that no ``Connection`` option takes away: they say where the message goes and ends."""


def forwarded(peer: str, before: str | None = None) -> bytes:
    """The lines that say who is on the other end of the connection, up to the request's id.

    *peer* is the client's address, *before* the ``x-forwarded-for`` that came with the request.
    No client is internal: that is Envoy's default since 1.33.
    """
    chain = f"{before},{peer}" if before else peer
    return (
        f"x-forwarded-for: {chain}\r\nx-forwarded-proto: http\r\n"
        f"x-envoy-external-address: {peer}\r\nx-request-id: "
    ).encode("latin-1")


def make_request_id(rng: random.Random) -> bytes:
    """A random UUID (RFC 9562, version 4)."""
    digits = b"%032x" % rng.getrandbits(128)
    return b"%b-%b-4%b-%x%b-%b" % (
        digits[:8],
        digits[8:12],
        digits[13:16],
        8 + (digits[16] & 3),
        digits[17:20],
        digits[20:],
    )


def pass_through(head: bytes, lines: bytes) -> bytes:
    """The head as it came, *lines* inserted at its end, without the final empty line."""
    return head[:-2] + lines


def rebuild(head: Head, lines: bytes) -> bytes:
    """The head from its parsed fields, *lines* at its end, without the final empty line."""
    target = head.path if head.query is None else f"{head.path}?{head.query}"
    out = [f"{head.method} {target} HTTP/1.1\r\n"]
    options = {
        option.strip().lower() for value in head.values("connection") for option in value.split(",")
    }
    dropped = (_HOP_BY_HOP | _OURS | options) - _KEPT
    if options == {"keep-alive"}:
        dropped -= {"connection"}  # it is as true of the gateway's own connection to the pod
    if "host" not in (name for name, _ in head.fields):
        out.append(f"host: {head.authority}\r\n")
    for name, value in head.fields:
        if name == "host":
            out.append(f"host: {head.authority}\r\n")
        elif name == "transfer-encoding":
            out.append("transfer-encoding: chunked\r\n")
        elif name not in dropped and not name.startswith("x-envoy-"):
            out.append(f"{name}: {value}\r\n")
    return "".join(out).encode("latin-1") + lines

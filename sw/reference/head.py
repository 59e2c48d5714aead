"""Request heads in software: a strict parser for HTTP/1.x (RFC 9112) with Envoy's answers.

The proxy uses it wherever the NIC gave no usable verdict or a head must be rewritten.  It does no
I/O: :func:`find_end` says where a head ends, :func:`parse` gives a :class:`Head` or raises
:class:`HeadError` with the status that Envoy answers.  What RFC 9112 lets two recipients read in
two ways is refused, also where Envoy is lenient; each such place says so.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address

from ..config.model import PathNormalization
from ..contract.grammar import MAX_FIELDS  # beyond it the answer is 431
from ..errors import HybridMeshError
from .path import PathError, normalise

__all__ = ["JOINED", "MAX_HEAD", "METHODS", "Head", "HeadError", "find_end", "parse"]

MAX_HEAD = 60 * 1024
"""Longest head in bytes, request line and empty line included; beyond it the answer is 431."""

# fmt: off
METHODS = frozenset([
    "ACL", "BIND", "CHECKOUT", "CONNECT", "COPY", "DELETE", "GET", "HEAD", "LINK", "LOCK", "MERGE",
    "MKACTIVITY", "MKCALENDAR", "MKCOL", "MOVE", "MSEARCH", "NOTIFY", "OPTIONS", "PATCH", "POST",
    "PROPFIND", "PROPPATCH", "PURGE", "PUT", "REBIND", "REPORT", "SEARCH", "SOURCE", "SUBSCRIBE",
    "TRACE", "UNBIND", "UNLINK", "UNLOCK", "UNSUBSCRIBE",
])
# fmt: on
"""Methods that Envoy knows; any other is 400."""

# fmt: off
JOINED = frozenset([
    "accept", "accept-encoding", "access-control-request-headers", "access-control-request-method",
    "access-control-request-private-network", "authentication", "authorization", "cache-control",
    "cdn-loop", "content-encoding", "content-type", "expect", "grpc-accept-encoding",
    "grpc-timeout", "if-match", "if-modified-since", "if-none-match", "if-range",
    "if-unmodified-since", "origin", "pragma", "proxy-status", "referer", "user-agent", "via",
    "x-client-trace-id", "x-envoy-is-timeout-retry", "x-forwarded-for", "x-forwarded-host",
    "x-forwarded-port",
])
# fmt: on
"""Fields whose repeated lines Envoy keeps as one, joined with ``,``; all others stay apart."""


class HeadError(HybridMeshError):
    """The head is refused: answer ``status``, then close the connection.

    ``detail`` says why, for the access log.
    """

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        self.detail = detail
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Head:
    """One request head.

    Attributes
    ----------
    raw : bytes
        From the request line to the empty line, both included.
    target : str
        As received.
    minor : int
        0 or 1, of ``HTTP/1.x``.
    scheme : str
        ``https`` where the client speaks TLS, else ``http``; its own word on it does not count.
    authority : str
        As received: of an absolute-form target, else of Host.
    host : str
        The authority in lower case without its port; it chooses the virtual host.
    path : str
        Normalised, without the query; what routes match.
    query : str or None
        As received, without ``?``; None where there was no ``?``.
    fields : tuple of (str, str)
        Names in lower case and values without white space around them, as Latin-1, in order.
    content_length : int or None
    chunked : bool
        Whether the body comes in chunks.  Neither this nor a length: no body.
    keep_alive : bool
        Whether the client lets the connection persist.
    expect_continue : bool
        Whether the client waits for ``100 Continue`` before it sends the body.
    upgrade : str or None
        Protocol, in lower case, that the client asks to switch to.
    """

    raw: bytes
    method: str
    target: str
    minor: int
    scheme: str
    authority: str
    host: str
    path: str
    query: str | None
    fields: tuple[tuple[str, str], ...]
    content_length: int | None
    chunked: bool
    keep_alive: bool
    expect_continue: bool
    upgrade: str | None

    @property
    def origin_form(self) -> str:
        """The target as it goes on to the pod: normalised path and query."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    def values(self, name: str) -> list[str]:
        """Values of the field lines called *name* (lower case), in order."""
        return [v for n, v in self.fields if n == name]

    def value(self, name: str) -> str | None:
        """Those values joined with ``,``; None where there is no such line."""
        values = self.values(name)
        return ",".join(values) if values else None

    def nominated(self) -> frozenset[str]:
        """Fields that ``Connection`` names (lower case): of this hop alone, not passed on and not
        seen by routes (RFC 9110, 7.6.1)."""
        values = self.values("connection")
        if not values:
            return frozenset()
        options = {option.strip("\t ").lower() for option in ",".join(values).split(",")}
        return frozenset(options - {"", "close", "keep-alive"})

    def match_values(self, name: str) -> list[str]:
        """Strings that a route's condition on *name* is compared with; one hit is enough.

        Envoy compares every line of a repeated field by itself, unless it keeps them joined.
        """
        values = self.values(name)
        return [",".join(values)] if len(values) > 1 and name in JOINED else values


# ------------------------------------------------------------------ where a head ends
# RFC 9112, 2.1:  HTTP-message = start-line CRLF *( field-line CRLF ) CRLF [ message-body ]
_BLANK_LINE = re.compile(rb"\n\r?\n")
_BLANK = 3
"""Bytes of what ends a head that may have been there before the last one."""


def find_end(data: bytes | bytearray, start: int = 0, searched: int = 0) -> int:
    """Index just after the empty line that ends the head at *start*; -1: not there yet.

    *start* is where the head begins, and stays so while more bytes come in.  Empty lines before
    the request line belong to the head.  A head of bare LF lines ends, too, so that
    :func:`parse` can refuse it rather than let its sender wait.

    Of a head that comes in many pieces, *searched* says how many bytes of *data* were there when it
    was not found: these are not searched again.
    """
    first = max(_skip_empty_lines(data, start), searched - _BLANK)
    end = data.find(b"\r\n\r\n", first)
    if end >= 0:
        return end + 4
    blank = _BLANK_LINE.search(data, first)
    return blank.end() if blank else -1


def _skip_empty_lines(data: bytes | bytearray, start: int) -> int:
    # RFC 9112, 2.2: a server SHOULD ignore at least one empty line before the request-line.
    while data.startswith(b"\r\n", start):
        start += 2
    return start


# ------------------------------------------------------------------ the grammar of a head
# RFC 9112, 3:    request-line = method SP request-target SP HTTP-version
# RFC 9112, 2.3:  HTTP-version = "HTTP" "/" DIGIT "." DIGIT
# Deviation from Envoy, which takes several spaces or tabs, and a bare CR or LF, as well: the RFC
# allows it (2.2, 3) but warns of request smuggling.
_REQUEST_LINE = r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/([0-9])\.([0-9])\r\n"

# RFC 9112, 5:    field-line = field-name ":" OWS field-value OWS
# RFC 9110, 5.6.2: token = 1*tchar
# RFC 9110, 5.5:  field-value = *field-content; VCHAR, obs-text, SP and HTAB may stand in it
# No white space before the colon; no obs-fold (RFC 9112, 5.2: 400 or replace it; Envoy replaces).
_FIELD_LINE = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t -~\x80-\xff]*+\r\n"

_HEAD = re.compile(f"{_REQUEST_LINE}((?:{_FIELD_LINE})*+)\r\n")


def parse(
    head: bytes, scheme: str = "http", paths: PathNormalization = PathNormalization.BASE
) -> Head:
    """Parse one whole head, as :func:`find_end` cut it.

    Parameters
    ----------
    scheme : str
        ``https`` where the client speaks TLS.
    paths : PathNormalization
        What is done to the path.

    Raises
    ------
    HeadError
        With the status to answer.
    """
    head = head[_skip_empty_lines(head, 0) :]
    if len(head) > MAX_HEAD:
        raise HeadError(431, "the head is longer than 60 KiB")
    grammar = _HEAD.fullmatch(head.decode("latin-1"))
    if grammar is None:
        raise HeadError(400, "the head breaks the grammar of RFC 9112")
    method, target, major, minor, block = grammar.groups()
    # Deviation: Envoy reads every other version as 1.0, which frames the body differently.
    if major != "1" or minor not in "01":
        raise HeadError(505, "the version is neither HTTP/1.0 nor HTTP/1.1")
    if method not in METHODS:
        raise HeadError(400, "the method is not known")

    lines = block.split("\r\n")
    if len(lines) > MAX_FIELDS + 1:
        raise HeadError(431, "the head has more than 100 fields")
    fields: list[tuple[str, str]] = []
    special: dict[str, str] = {}
    for line in lines[:-1]:
        name, _, value = line.partition(":")
        name = name.lower()
        value = value.strip("\t ")
        fields.append((name, value))
        if name in _SPECIAL:
            special[name] = _SPECIAL[name](special[name], value) if name in special else value

    authority, path, query = _split_target(method, target, special.get("host"), scheme, paths)
    content_length, chunked = _framing(special, minor) if special.keys() & _BODY else (None, False)
    keep_alive, upgrade = minor == "1", None
    if "connection" in special:
        keep_alive, upgrade = _connection(special, keep_alive)
    return Head(
        raw=head,
        method=method,
        target=target,
        minor=int(minor),
        scheme=scheme,
        authority=authority,
        host=_host(authority),
        path=path,
        query=query,
        fields=tuple(fields),
        content_length=content_length,
        chunked=chunked,
        keep_alive=keep_alive,
        # RFC 9110, 7.8 and 10.1.1: an HTTP/1.0 client cannot ask for either.
        expect_continue=minor == "1" and special.get("expect", "").lower() == "100-continue",
        upgrade=upgrade if minor == "1" else None,
    )


# ------------------------------------------------------------------ fields that parse() reads
def _join(first: str, second: str) -> str:
    """RFC 9110, 5.3: field lines of one name are one list."""
    return f"{first},{second}"


def _refuse_second_host(first: str, second: str) -> str:
    # RFC 9112, 3.2: 400 to any request with more than one Host.  Envoy joins them with a comma
    # and looks for a virtual host of that name.
    raise HeadError(400, "more than one Host field")


def _refuse_second_length(first: str, second: str) -> str:
    # RFC 9112, 6.3: a recipient may accept equal values; Envoy does not.
    raise HeadError(400, "more than one Content-Length field")


_SPECIAL: dict[str, Callable[[str, str], str]] = {
    "host": _refuse_second_host,
    "content-length": _refuse_second_length,
    "transfer-encoding": _join,
    "connection": _join,
    "upgrade": _join,
    "expect": _join,
}

_BODY = frozenset({"content-length", "transfer-encoding"})


# ------------------------------------------------------------------ target and host
# RFC 9112, 3.2.2:  absolute-form = absolute-URI
# RFC 3986, 3:      URI = scheme ":" "//" authority path-abempty [ "?" query ] [ "#" fragment ]
_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?")

# RFC 9112, 3.2.3:  authority-form = uri-host ":" port
# Envoy takes host names and addresses in a target only, no other reg-name.
# Deviation: it drops userinfo from a target; RFC 9110, 4.2.4 calls for treating it as an error.
_TARGET_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z.-]+)(?::0*([0-9]{1,5}))?")

# RFC 9112, 3.2:    Host = uri-host [ ":" port ]
# RFC 3986, 3.2.2:  host = IP-literal / IPv4address / reg-name
# Deviation: Envoy cuts any text after the last colon as if it were a port, and lets userinfo pass.
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~!$&'()*+,;=%-]*)(?::[0-9]*)?")


def _split_target(
    method: str, target: str, host: str | None, scheme: str, paths: PathNormalization
) -> tuple[str, str, str | None]:
    """Authority, normalised path and query of the request."""
    # RFC 9112, 3.2: no form of the target holds a fragment.  Istio has Envoy cut it nonetheless.
    path, mark, query = target.partition("#")[0].partition("?")
    if target[0] != "/" or method == "CONNECT":
        host, path, mark, query = _other_forms(method, target, scheme)
    if host is None:
        raise HeadError(400, "no Host field")
    try:
        return host, normalise(path, paths), query if mark else None
    except PathError as error:
        raise HeadError(400, error.problem) from None


def _other_forms(method: str, target: str, over: str) -> tuple[str, str, str, str]:
    """Authority, path, ``?`` and query of a target that is not in origin-form."""
    if method == "CONNECT":
        # RFC 9112, 3.2.3.  An Istio gateway has no routes for tunnels.
        if _target_port(target) is None:
            raise HeadError(400, "the target of CONNECT is not a host and a port")
        raise HeadError(404, "CONNECT is not routed")
    if method == "OPTIONS" and target[0] == "*":
        # RFC 9112, 3.2.4: asterisk-form.
        raise HeadError(404, "the target has no path")
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise HeadError(400, "the target is in none of the four forms of RFC 9112")
    scheme, authority, path, query = absolute.groups()
    if scheme.lower() == "https" and over == "http":
        raise HeadError(403, "an https target on a connection without TLS")
    if scheme.lower() not in ("http", "https"):
        raise HeadError(400, "the target's scheme is not http")
    _target_port(authority)
    if not path and query is not None:
        raise HeadError(404, "the target has no path")
    # RFC 9112, 3.2.2: the host of the target counts, and Host is ignored.
    return authority, path or "/", "" if query is None else "?", query or ""


def _target_port(authority: str) -> int | None:
    """Port of an authority in a target; None where it has none."""
    match = _TARGET_AUTHORITY.fullmatch(authority)
    if match is None or (match[1] and int(match[1]) > 65535):
        raise HeadError(400, "the target's authority is not valid")
    return int(match[1]) if match[1] else None


def _host(authority: str) -> str:
    host = _HOST.fullmatch(authority)
    if host is None or not _is_address(host[1]):
        raise HeadError(400, "the host is not valid")
    return host[1].lower()


def _is_address(host: str) -> bool:
    """Whether brackets, if there are any, hold an IPv6 address."""
    if not host.startswith("["):
        return True
    try:
        IPv6Address(host[1:-1])
    except ValueError:
        return False
    return True


# ------------------------------------------------------------------ framing of the body
# RFC 9110, 8.6:  Content-Length = 1*DIGIT
_LENGTH = re.compile(r"[0-9]{1,20}")


def _framing(special: dict[str, str], minor: str) -> tuple[int | None, bool]:
    """Content length, and whether the body is chunked (RFC 9112, 6)."""
    length, coding = special.get("content-length"), special.get("transfer-encoding")
    if coding is not None:
        # RFC 9112, 6.1: with Content-Length, or in HTTP/1.0, the framing is faulty.
        # Deviation: Envoy accepts chunks of an HTTP/1.0 client.
        if length is not None:
            raise HeadError(400, "both Content-Length and Transfer-Encoding")
        if coding.lower() != "chunked":
            raise HeadError(501, "a transfer coding other than chunked")
        if minor == "0":
            raise HeadError(400, "Transfer-Encoding in HTTP/1.0")
        return None, True
    assert length is not None
    if _LENGTH.fullmatch(length) is None or int(length) >= 1 << 64:
        raise HeadError(400, "Content-Length is not a number below 2**64")
    return int(length), False


# ------------------------------------------------------------------ the connection
# RFC 9110, 7.6.1: a connection option names a field to remove.  Envoy refuses these and more than
# nine options; the last three are ours, for removing them changes what the request is.
_NOT_OPTIONS = frozenset(
    ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]
    + ["host", "content-length", "transfer-encoding"]
)
_MAX_OPTIONS = 9


def _connection(special: dict[str, str], keep_alive: bool) -> tuple[bool, str | None]:
    """Whether the connection persists (RFC 9112, 9.3), and the protocol asked for."""
    options = [option.strip("\t ").lower() for option in special["connection"].split(",")]
    if len(options) > _MAX_OPTIONS and sum(map(bool, options)) > _MAX_OPTIONS:
        raise HeadError(400, "more than nine connection options")
    for option in options:
        if option in _NOT_OPTIONS or option.startswith(":"):
            raise HeadError(400, "Connection names a field that must not be removed")
    # Each version asks for what it is not itself; what else is said does not count.
    keep_alive = "close" not in options if keep_alive else "keep-alive" in options
    upgrade = special.get("upgrade") if "upgrade" in options else None
    return keep_alive, upgrade.lower() if upgrade else None

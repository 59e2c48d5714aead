"""From the bytes at the front of a client's buffer to a request and what is to be done with it.

A head takes one of two ways:

* the NIC has decided it and saw no field that a proxy must interpret: it goes on unparsed, its body
  framing is the verdict's;
* anything else: it is parsed (:mod:`hybridmesh.reference.head`), resolved and built anew.
"""

import re
from dataclasses import replace
from typing import NamedTuple

from hybridmesh.config.model import Route
from hybridmesh.contract.verdict import Flag, Method, State, Verdict
from hybridmesh.reference.head import MAX_HEAD, Head, HeadError, find_end, parse
from hybridmesh.reference.resolver import SOFTWARE

from . import reply as replies
from .context import Context
from .edge import Edge
from .framing import Chunked, Framing, Sized, UntilClose
from .headers import pass_through, rebuild
from .reply import Reply, bad_request
from .request import Request

__all__ = ["Intake", "Refusal"]

_DECIDED = int(Flag.DECIDED)
_DECIDED_OR_TOUCH = int(Flag.DECIDED | Flag.TOUCH)
_LENGTH = int(Flag.BODY_LENGTH)
_CHUNKED = int(Flag.BODY_CHUNKED)
_CODING = re.compile(rb"\r\n(?i:transfer-encoding): chunked\r\n")
_HEAD = int(Method.HEAD)
_BODILESS = frozenset(map(int, (Method.GET, Method.HEAD, Method.DELETE, Method.TRACE)))
_BODILESS_NAMES = frozenset(("GET", "HEAD", "DELETE", "TRACE"))
_NO_BODY_LINE = b"content-length: 0\r\n"
"""Added, as Envoy does, where a method that usually has a body comes without one."""

_WEBSOCKET = "websocket"
"""The protocol that Istio lets clients switch to (RFC 6455)."""

_H2C = "h2c"
"""One that is passed over in silence (RFC 9110, 7.8: a server may ignore Upgrade)."""


class Refusal(NamedTuple):
    """What came cannot be read as a request: answer *reply*, then close."""

    request: Request
    reply: Reply


class Intake:
    """Reads the heads of one client.

    Parameters
    ----------
    context : Context
    peer : str
        The client's address.
    certificate : str
        What is said of its certificate; empty: it has shown none.
    """

    __slots__ = ("_context", "_edge", "_lines")

    def __init__(self, context: Context, peer: str, certificate: str = "") -> None:
        self._context = context
        self._edge = Edge(context.topology, context.scheme, peer, certificate)
        self._lines = self._edge.lines

    def read(
        self, data: bytes, verdict: Verdict | None, searched: int = 0
    ) -> Request | Refusal | None:
        """The head that *data* begins with; None: not all of it is there, as it was not when the
        first *searched* bytes were."""
        if verdict is not None and verdict.flags & _DECIDED_OR_TOUCH == _DECIDED:
            route = self._context.resolver.route_of(verdict)
            end = verdict.head_length
            if (
                route is not SOFTWARE
                and data[end - 4 : end] == b"\r\n\r\n"
                # HTTP/1.0 needs more than a look: the connection closes, no chunks come back.
                and data.startswith(b"1\r\n", data.find(b"\r\n", verdict.path_offset) - 1)
                # A pod reads the coding as the gateway spells it.
                and (not verdict.flags & _CHUNKED or _CODING.search(data, 0, end))
            ):
                return self._pass_through(data[:end], verdict, route)
        end = find_end(data, 0, searched)
        if end < 0:
            if len(data) > MAX_HEAD:
                return self.refuse(data, verdict, replies.HEAD_TOO_LARGE)
            return None
        raw = data[:end]
        self._count(verdict)
        try:
            head = parse(raw, self._context.scheme, self._context.paths)
        except HeadError as error:
            return self.refuse(raw, verdict, bad_request(error.status, error.detail))
        return self._interpret(head, verdict)

    def refuse(self, raw: bytes, verdict: Verdict | None, reply: Reply) -> Refusal:
        """The head cannot be read."""
        return Refusal(Request(raw, verdict, None), reply)

    def _pass_through(self, raw: bytes, verdict: Verdict, route: Route | None) -> Request:
        """A decided head without touch: on it goes, unparsed."""
        context = self._context
        context.stats.verdict_unparsed += 1
        flags = verdict.flags
        method = verdict.method
        lines = b"%b%b\r\n" % (self._lines, context.ids.next())
        framing: Framing | None = None
        if flags & _LENGTH:
            framing = Sized(verdict.body_length)
        elif flags & _CHUNKED:
            framing = Chunked()
        elif method not in _BODILESS:
            lines += _NO_BODY_LINE
        return Request(
            raw,
            verdict,
            None,
            pass_through(raw, lines),
            route,
            framing,
            head_only=method == _HEAD,
            followed=not flags & _CHUNKED,
        )

    def _interpret(self, head: Head, verdict: Verdict | None) -> Request | Refusal:
        """A parsed head: resolve it, and build it anew."""
        context = self._context
        upgrade = head.upgrade == _WEBSOCKET
        if head.upgrade is not None and not upgrade and head.upgrade != _H2C:
            return Refusal(Request(head.raw, verdict, head), replies.UPGRADE_REFUSED)
        client = self._edge.introduce(head)
        said = verdict
        if client.scheme != head.scheme:  # of which the NIC knows nothing
            head = replace(head, scheme=client.scheme)
            said = None
        elif verdict is not None and verdict.head_length != len(head.raw):
            said = None  # whatever the NIC has seen, it was not this
        route = context.resolver.resolve(head, said).route
        lines = b"%b%b\r\n" % (client.lines, context.ids.next())
        framing: Framing | None = None
        if upgrade:
            framing = UntilClose()
        elif head.chunked:
            framing = Chunked()
        elif head.content_length is not None:
            framing = Sized(head.content_length)
        elif head.method not in _BODILESS_NAMES:
            lines += _NO_BODY_LINE
        return Request(
            head.raw,
            verdict,
            head,
            rebuild(head, client, lines, upgrade=upgrade),
            route,
            framing,
            head_only=head.method == "HEAD",
            followed=verdict is not None and verdict.framed and not head.chunked,
            keep_alive=head.keep_alive,
            minor=head.minor,
            upgrade=upgrade,
            client=client.address,
        )

    def _count(self, verdict: Verdict | None) -> None:
        """Of a head that is parsed: what the NIC had said."""
        stats = self._context.stats
        if verdict is None:
            stats.verdict_none += 1
        elif (state := verdict.state) is State.DECIDED:
            stats.verdict_parsed += 1
        elif state is State.PROVISIONAL:
            stats.verdict_provisional += 1
        elif state is State.UNDECIDED:
            stats.verdict_undecided += 1
        else:
            stats.verdict_malformed += 1

"""The pods: they write down what they get, and answer as the test wants it.

A request says which test it belongs to by its field ``x-tag``; of requests without it nothing is
kept.  What a pod does is a :class:`Step`; the first request with a tag at a service gets the first
step of its script, the next one (a retry) the second, and so on.
"""

import asyncio
import socket
import ssl
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .exchange import Arrival, Field, masked, service_of, shortened
from .wire import LIMIT, Message, read_message

__all__ = ["PHRASE", "TAG", "Pods", "Step"]

TAG = "x-tag"

PHRASE = "Pod"
"""Reason phrase of every answer."""

_FRAMING = ("content-length:", "transfer-encoding:")


@dataclass(frozen=True)
class Step:
    """What a pod does with a request.

    Attributes
    ----------
    status : int
        0: it closes the connection instead of answering.
    wait : float
        Seconds until the answer.
    fields : tuple of str
        Lines of the answer's head, besides those that tell who the pod is.
    body : str or None
        None: the service's name.
    raw : str or None
        The answer to the byte, after which the connection is closed.
    """

    status: int = 200
    wait: float = 0.0
    fields: tuple[str, ...] = ()
    body: str | None = None
    raw: str | None = None


class Pods:
    """Servers on ports of the system's choice, started when first asked for.

    A pod is called by the name of its service and a number, as in ``web-1``; one whose name begins
    with ``dead`` refuses connections.  Those that have a key of *tls* in their name speak it, and
    tell in a field ``:tls`` which server was asked for and which certificate was shown.
    """

    def __init__(self, tls: Mapping[str, ssl.SSLContext] | None = None) -> None:
        self._tls = tls or {}
        self._ports: dict[str, int] = {}
        self._servers: list[asyncio.Server] = []
        self._unheard: list[socket.socket] = []
        self._arrivals: dict[str, list[Arrival]] = defaultdict(list)
        self._scripts: dict[str, Sequence[Step]] = {}

    async def port(self, name: str) -> int:
        """Where the pod *name* listens."""
        if name not in self._ports:
            self._ports[name] = await self._open(name)
        return self._ports[name]

    def play(self, tag: str, script: Sequence[Step]) -> None:
        """Let requests with *tag* be answered by *script*, the last step of which is for all that
        follow."""
        self._scripts[tag] = script

    def arrivals(self, tag: str) -> tuple[Arrival, ...]:
        """The requests with *tag*, by service and then by time; they are forgotten."""
        self._scripts.pop(tag, None)
        found = self._arrivals.pop(tag, ())
        return tuple(sorted(found, key=lambda arrival: service_of(arrival.pod)))

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for unheard in self._unheard:
            unheard.close()

    async def _open(self, name: str) -> int:
        if name.startswith("dead"):
            unheard = socket.socket()
            unheard.bind(("127.0.0.1", 0))  # nobody else gets the port, and nobody listens there
            self._unheard.append(unheard)
            return int(unheard.getsockname()[1])

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            shown = _shown(writer.get_extra_info("ssl_object"))
            try:
                while (request := await read_message(reader)) is not None:
                    if not await self._answer(name, shown, request, writer):
                        break
            except (ConnectionError, asyncio.CancelledError):
                pass  # at the end, those that still wait are cancelled
            finally:
                writer.close()

        contexts = (tls for part, tls in self._tls.items() if part in name)
        tls = next(contexts, None)
        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=LIMIT, ssl=tls)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _answer(
        self, name: str, shown: Sequence[Field], request: Message, writer: asyncio.StreamWriter
    ) -> bool:
        """Whether the connection goes on."""
        tag = request.value(TAG) or ""
        fields = (*shown, *(masked(n, v) for n, v in request.fields if n.lower() != TAG))
        body = request.body.decode("latin-1")
        seen = self._arrivals[tag] if tag else []
        seen.append(Arrival(name, shortened(request.line), fields, shortened(body)))
        script = self._scripts.get(tag) or (Step(),)
        service = service_of(name)
        turn = sum(service_of(arrival.pod) == service for arrival in seen)
        step = script[min(turn, len(script)) - 1]
        if step.wait:
            await asyncio.sleep(step.wait)
        if step.raw is not None:
            writer.write(step.raw.encode("latin-1"))
            await writer.drain()
            return False
        if not step.status:
            return False
        content = (service if step.body is None else step.body).encode()
        lines = [f"HTTP/1.1 {step.status} {PHRASE}", f"x-pod: {service}", *step.fields]
        if not any(line.lower().startswith(_FRAMING) for line in step.fields):
            lines.append(f"content-length: {len(content)}")
        head = "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1")
        writer.write(head if request.line.startswith("HEAD ") else head + content)
        await writer.drain()
        return not any(line.lower() == "connection: close" for line in step.fields)


def _shown(tls: ssl.SSLObject | None) -> list[Field]:
    """What the gateway said of itself when it connected."""
    if tls is None:
        return []
    subject = dict(pair for (pair,) in (tls.getpeercert() or {}).get("subject", ()))
    asked, shown = getattr(tls, "asked", None), subject.get("commonName")
    return [(":tls", f"{asked or 'nobody'} is asked for, {shown or 'nothing'} shown")]

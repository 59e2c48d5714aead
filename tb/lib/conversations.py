"""Conversations: what clients send over connections that are open at the same time.

Most of it is what a NIC can follow: requests, one after the other, with bodies that may look like
requests.  The rest is what makes it lose the thread, or must not: segments that are lost, sent
again, damaged, cut within a head or far away, connections that begin anew or are never opened.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from tb.lib.traffic import PORT, Client, any_frame, any_payload, damaged, request, spoofed

__all__ = ["conversations"]

_CLIENTS = 6
"""Connections that are open at a time."""


def conversations(
    rng: random.Random, count: int, ports: Sequence[int] = (PORT,)
) -> Iterator[bytes]:
    """*count* frames of clients of the listeners at *ports*."""
    clients: list[Client] = []
    talks: list[Iterator[bytes]] = []
    talk = 0
    while count:
        if len(talks) < _CLIENTS:
            clients.append(_client(rng, ports, clients))
            talks.append(_Conversation(rng, clients[-1]).frames())
        if rng.random() < 0.4:  # else the same once more
            talk = rng.randrange(len(talks))
        talk %= len(talks)
        frame = next(talks[talk], None)
        if frame is None:
            del clients[talk], talks[talk]
            continue
        count -= 1
        yield frame


def _client(rng: random.Random, ports: Sequence[int], others: Sequence[Client]) -> Client:
    """A client; half of them are known to the NIC by a place that they share with another."""
    if not others or (kind := rng.random()) < 0.5:
        return Client(rng, rng.choice(ports))
    other = rng.choice(others)
    return other.twin() if kind < 0.6 else other.neighbour()


class _Conversation:
    """What *client* sends."""

    def __init__(self, rng: random.Random, client: Client) -> None:
        self._rng, self._client = rng, client
        self._seq = rng.choice((rng.getrandbits(32), 2**32 - rng.randrange(1, 400)))
        self._sent: list[bytes] = []

    def frames(self) -> Iterator[bytes]:
        rng = self._rng
        if rng.random() < 0.95:
            yield self._open()
        for _ in range(rng.randrange(1, 12)):
            step = rng.choices(_STEPS, _WEIGHTS)[0]
            yield from step(self)
            # Most often a client that is lost begins anew.
            if step is not _Conversation.asks and rng.random() < 0.75:
                yield self._open()

    def asks(self) -> Iterator[bytes]:
        """A head in one segment; its body there too, or in those that follow."""
        head, body = request(self._rng)
        there = self._rng.choice((0, len(body), self._rng.randrange(len(body) + 1)))
        yield self._next(head + body[:there])
        yield from self._pieces(body[there:])

    def asks_at_once(self) -> Iterator[bytes]:
        """Several requests, cut anywhere."""
        requests = [b"".join(request(self._rng)) for _ in range(self._rng.randrange(2, 5))]
        yield from self._pieces(b"".join(requests))

    def asks_in_parts(self) -> Iterator[bytes]:
        """A head in several segments, that may come once more as a whole."""
        head, body = request(self._rng)
        cuts = sorted(self._rng.sample(range(1, len(head)), self._rng.choice((1, 1, 2, 5))))
        for start, end in pairwise([0, *cuts]):
            yield self._next(head[start:end])
        yield self._next(head[cuts[-1] :] + body)
        if self._rng.random() < 0.3:
            yield self._client.segment(self._seq - len(head) - len(body), head + body)

    def asks_badly(self) -> Iterator[bytes]:
        """Something like a head."""
        yield self._next(any_payload(self._rng))

    def loses(self) -> Iterator[bytes]:
        """A request that comes late, after others, if at all."""
        lost = self._next(b"".join(request(self._rng)))
        yield from self.asks()
        if self._rng.random() < 0.7:
            yield lost

    def repeats(self) -> Iterator[bytes]:
        """One of the last segments again."""
        if self._sent:
            yield self._rng.choice(self._sent)

    def spoils(self) -> Iterator[bytes]:
        """A request in a frame that was changed on its way, and the same frame as it was."""
        frame = self._next(b"".join(request(self._rng)))
        yield spoofed(self._rng, frame) if self._rng.random() < 0.3 else damaged(self._rng, frame)
        if self._rng.random() < 0.7:
            yield frame

    def opens(self) -> Iterator[bytes]:
        """A SYN, here or anywhere else."""
        if self._rng.random() < 0.5:
            self._seq = self._rng.getrandbits(32)
        yield self._open()

    def says_nothing(self) -> Iterator[bytes]:
        """A segment that changes nothing, though it may look as if."""
        rng, client = self._rng, self._client
        elsewhere = self._seq + rng.randrange(1, 1000)
        yield rng.choice(
            (
                lambda: client.opening(elsewhere, rng.choice(("SA", "SR", "R", "FA", "A"))),
                lambda: damaged(rng, client.opening(elsewhere)),
                lambda: client.segment(self._seq - 1, b"G", "A"),
            )
        )()

    def goes_far(self) -> Iterator[bytes]:
        """A segment so far away that the connection may be forgotten."""
        offset = self._rng.choice((1, 2, 3)) * 2**30 + self._rng.choice((-1, 0, 1))
        yield self._client.segment(self._seq + offset, any_payload(self._rng))

    def is_another(self) -> Iterator[bytes]:
        """A frame of nobody's connection, of any kind."""
        yield any_frame(self._rng, any_payload(self._rng))

    def _open(self) -> bytes:
        return self._client.opening(self._seq)

    def _next(self, payload: bytes) -> bytes:
        """The segment of the next bytes."""
        frame = self._client.segment(self._seq, payload, self._rng.choice(("PA", "A", "FPA")))
        self._seq += len(payload)
        self._sent = [*self._sent[-3:], frame]
        return frame

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            size = self._rng.choice((self._rng.randrange(1, 40), 400, 1000))
            yield self._next(data[:size])
            data = data[size:]


_SHARES: dict[Callable[[_Conversation], Iterator[bytes]], int] = {
    _Conversation.asks: 100,
    _Conversation.asks_at_once: 3,
    _Conversation.asks_in_parts: 7,
    _Conversation.asks_badly: 8,
    _Conversation.loses: 4,
    _Conversation.repeats: 4,
    _Conversation.spoils: 4,
    _Conversation.opens: 4,
    _Conversation.says_nothing: 4,
    _Conversation.goes_far: 2,
    _Conversation.is_another: 8,
}
_STEPS, _WEIGHTS = list(_SHARES), list(_SHARES.values())

"""Endpoints whose addresses DNS knows: asked for at the start and again every so often."""

import asyncio
import logging
import socket
from collections.abc import Iterable, Sequence
from dataclasses import replace

from hybridmesh.config.model import Cluster, Discovery, Endpoint

from ..core.cluster import ClusterState

__all__ = ["Names"]

_LOG = logging.getLogger(__name__)

REFRESH = 60.0
"""Seconds between two questions for the same name: Istio's ``dnsRefreshRate``."""

_AGAIN = 5.0
"""Seconds after which a question without an answer is put again."""

_FIRST = 5.0
"""Seconds that a start waits for the first answers."""


class Names:
    """Keeps the endpoints of *clusters* up to date.

    A name that is not answered keeps the addresses that it had.
    """

    def __init__(self, clusters: Iterable[ClusterState]) -> None:
        self._clusters = [c for c in clusters if c.cluster.discovery is not Discovery.STATIC]
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Ask for all names; returns once all are answered, or after some seconds."""
        first = [asyncio.Event() for _ in self._clusters]
        self._tasks = [
            asyncio.create_task(self._follow(cluster, answered))
            for cluster, answered in zip(self._clusters, first, strict=True)
        ]
        try:
            async with asyncio.timeout(_FIRST):
                for answered in first:
                    await answered.wait()
        except TimeoutError:
            pass  # the log says for which

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    async def _follow(self, cluster: ClusterState, answered: asyncio.Event) -> None:
        known: dict[Endpoint, Sequence[Endpoint]] = {}
        while True:
            wait = REFRESH
            for endpoint in cluster.cluster.endpoints:
                try:
                    known[endpoint] = await _addresses(endpoint, cluster.cluster)
                except OSError as error:
                    wait = _AGAIN
                    _LOG.warning(
                        "%s: %s has no address now (%s)",
                        cluster.name,
                        endpoint.address,
                        error.strerror or error,
                    )
            cluster.update([address for addresses in known.values() for address in addresses])
            answered.set()
            await asyncio.sleep(wait)


async def _addresses(endpoint: Endpoint, cluster: Cluster) -> Sequence[Endpoint]:
    """What *endpoint* is: all of its addresses, or with LOGICAL_DNS the first."""
    found = await asyncio.get_running_loop().getaddrinfo(
        endpoint.address, endpoint.port, type=socket.SOCK_STREAM
    )
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if cluster.discovery is Discovery.LOGICAL_DNS:
        del addresses[1:]
    return [replace(endpoint, address=address) for address in addresses]

"""The gateways that are compared: how each is configured for a workload, and started.

Each is configured as somebody who knows it well would, with one thread, and does for a request what
the mesh asks for: a deadline of 15 s, two more tries where a pod cannot be reached or says 503,
least requests first, pods that fail five times set aside, X-Forwarded-For, X-Forwarded-Proto and
X-Request-Id towards the pod.
"""

from .envoy import Envoy
from .haproxy import HAProxy
from .hybridmesh import HybridMesh, Mode
from .nginx import Nginx
from .peer import Launch, Peer, find

__all__ = ["PEERS", "HybridMesh", "Launch", "Mode", "Peer", "find"]

PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Envoy(),
        HAProxy(),
        Nginx(),
        HybridMesh("off"),
        HybridMesh("stamped"),
        HybridMesh("sim"),
    )
}

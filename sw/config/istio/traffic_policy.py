"""Istio's ``TrafficPolicy``, and which of several holds for a port of a subset."""

from dataclasses import dataclass

from ..message import FieldError, Message
from .client_tls import ClientTls
from .connection_pool import ConnectionPool
from .destinations import PortSelector
from .load_balancer import LoadBalancer
from .outlier_detection import Outliers

__all__ = ["Parts", "PortTrafficPolicy", "TrafficPolicy", "effective"]


@dataclass(frozen=True)
class Parts:
    """The four parts that port and subset may have of their own; parts are not mixed."""

    load_balancer: LoadBalancer | None = None
    connection_pool: ConnectionPool | None = None
    outlier_detection: Outliers | None = None
    tls: ClientTls | None = None


@dataclass(frozen=True)
class PortTrafficPolicy(Message, name="TrafficPolicy.PortTrafficPolicy"):
    """All of a port's policy: what is not given has its default, whatever holds for the host."""

    port: PortSelector
    load_balancer: LoadBalancer | None = None
    connection_pool: ConnectionPool | None = None
    outlier_detection: Outliers | None = None
    tls: ClientTls | None = None

    def check(self) -> None:
        if self.parts == Parts():
            raise FieldError("the policy of the port says nothing", "add 'loadBalancer' or others")

    @property
    def parts(self) -> Parts:
        return Parts(self.load_balancer, self.connection_pool, self.outlier_detection, self.tls)


@dataclass(frozen=True)
class TrafficPolicy(
    Message,
    not_done={
        "tunnel": "it is for TCP",
        "proxyProtocol": "the proxy does not speak it",
        "retryBudget": "the limit of retries is a number, `maxRetries`",
    },
):
    """How to treat the pods of a host or of a subset."""

    load_balancer: LoadBalancer | None = None
    connection_pool: ConnectionPool | None = None
    outlier_detection: Outliers | None = None
    tls: ClientTls | None = None
    port_level_settings: tuple[PortTrafficPolicy, ...] = ()

    def check(self) -> None:
        if self.parts == Parts() and not self.port_level_settings:
            raise FieldError("the traffic policy says nothing", "remove it, or add a field")

    @property
    def parts(self) -> Parts:
        return Parts(self.load_balancer, self.connection_pool, self.outlier_detection, self.tls)

    def of_port(self, number: int) -> Parts | None:
        """What only the port *number* has; None: it has nothing of its own."""
        for policy in self.port_level_settings:
            if policy.port.number == number:
                return policy.parts
        return None


def effective(host: TrafficPolicy | None, subset: TrafficPolicy | None, port: int) -> Parts:
    """What holds for *port* of a subset: its own port's, its own parts, the port's, the host's."""
    wide = (host.of_port(port) or host.parts) if host else Parts()
    if subset is None:
        return wide
    own = subset.of_port(port)
    if own is not None:
        return own
    narrow = subset.parts
    return Parts(
        load_balancer=narrow.load_balancer or wide.load_balancer,
        connection_pool=narrow.connection_pool or wide.connection_pool,
        outlier_detection=narrow.outlier_detection or wide.outlier_detection,
        tls=narrow.tls or wide.tls,
    )

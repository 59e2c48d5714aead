"""Istio's ``MeshConfig``: what holds for the whole mesh; and where it is written."""

from dataclasses import dataclass
from typing import Annotated

from ..message import Choice, Message, Read
from ..model import ForwardedCertificates, PathNormalization, Topology
from ..values import count, positive_duration
from .connection_pool import TcpKeepalive
from .locality_setting import LocalitySetting
from .retries import Retries

__all__ = ["ConfigMap", "IstioOperator", "MeshConfig"]

_MODES = Choice(
    {"DEFAULT": PathNormalization.BASE, **{mode.value: mode for mode in PathNormalization}}
)

_DETAILS = Choice(
    {
        "UNDEFINED": ForwardedCertificates.SANITIZE_SET,
        **{details.value: details for details in ForwardedCertificates},
    }
)

_ACCESS_LOG = "the command line says where to, and its lines are JSON"


@dataclass(frozen=True)
class ProxyPathNormalization(Message):
    """What a path becomes before it is matched; what the pod gets."""

    normalization: Annotated[PathNormalization, Read(_MODES)] = PathNormalization.BASE


@dataclass(frozen=True)
class GatewayTopology(
    Message,
    name="Topology",
    not_done={"proxyProtocol": "the gateway does not read it"},
):
    """What stands in front of the gateway."""

    num_trusted_proxies: Annotated[int, Read(count)] = 0
    forward_client_cert_details: Annotated[ForwardedCertificates, Read(_DETAILS)] = (
        ForwardedCertificates.SANITIZE_SET
    )

    @property
    def model(self) -> Topology:
        return Topology(self.num_trusted_proxies, self.forward_client_cert_details)


@dataclass(frozen=True)
class ProxyConfig(Message, rest="nothing else of it is looked at"):
    """Settings of all proxies, this gateway among them."""

    gateway_topology: GatewayTopology | None = None


@dataclass(frozen=True)
class MeshConfig(
    Message,
    no_effect={
        "h2UpgradePolicy": "the proxy speaks HTTP/1.1 to pods",
        "accessLogFile": _ACCESS_LOG,
        "accessLogFormat": _ACCESS_LOG,
        "accessLogEncoding": _ACCESS_LOG,
    },
    rest="nothing else of it is looked at",
):
    """Settings of the mesh; VirtualServices and DestinationRules may say otherwise."""

    path_normalization: ProxyPathNormalization | None = None
    connect_timeout: Annotated[float, Read(positive_duration)] | None = None
    default_http_retry_policy: Retries | None = None
    locality_lb_setting: LocalitySetting | None = None
    tcp_keepalive: TcpKeepalive | None = None
    default_config: ProxyConfig | None = None

    @property
    def paths(self) -> PathNormalization:
        paths = self.path_normalization
        return paths.normalization if paths else PathNormalization.BASE

    @property
    def topology(self) -> Topology:
        topology = self.default_config.gateway_topology if self.default_config else None
        return topology.model if topology else Topology()


@dataclass(frozen=True)
class IstioOperator(Message, rest="it is about the installation"):
    """How Istio is installed."""

    mesh_config: MeshConfig | None = None


@dataclass(frozen=True)
class MeshText(Message, name="data", rest="nothing else of it is looked at"):
    """`mesh` is a MeshConfig, as YAML within the YAML."""

    mesh: str = ""


@dataclass(frozen=True)
class ConfigMap(Message, rest="nothing else of it is looked at"):
    """The one called `istio`, or `istio-REVISION`; it counts more than an IstioOperator."""

    data: MeshText | None = None

"""Istio's ``IstioOperator`` and its ``MeshConfig``: what holds for the whole mesh."""

from dataclasses import dataclass
from typing import Annotated

from ..message import Choice, Message, Read
from ..model import PathNormalization

__all__ = ["IstioOperator"]

_MODES = Choice(
    {"DEFAULT": PathNormalization.BASE, **{mode.value: mode for mode in PathNormalization}}
)


@dataclass(frozen=True)
class ProxyPathNormalization(Message):
    """What a path becomes before it is matched; what the pod gets."""

    normalization: Annotated[PathNormalization, Read(_MODES)] = PathNormalization.BASE


@dataclass(frozen=True)
class MeshConfig(Message, rest="nothing else of it is looked at"):
    """Settings of the mesh."""

    path_normalization: ProxyPathNormalization | None = None


@dataclass(frozen=True)
class IstioOperator(Message, rest="it is about the installation"):
    """How Istio is installed."""

    mesh_config: MeshConfig | None = None

    @property
    def paths(self) -> PathNormalization:
        mesh = self.mesh_config
        paths = mesh.path_normalization if mesh else None
        return paths.normalization if paths else PathNormalization.BASE

"""In-band control: control frames and others between a host and a core, a register map behind."""

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.control.inband import InbandControl

from ..lib.design import Design

__all__ = ["DESIGNS"]

DESIGNS = (Design("width1", InbandControl, Geometry(width=1)),)

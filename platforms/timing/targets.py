"""What is measured: the designs, the devices they are built for, and the goals."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from amaranth.lib import wiring

from hybridmesh.contract.geometry import Geometry
from hybridmesh.errors import HybridMeshError

from ..ecp5 import LFE5_85, Sites

__all__ = ["TARGETS", "Design", "Device", "Family", "Target", "find"]


class Family(Enum):
    """A family of devices, and how far the flow goes for it."""

    ECP5 = "placed and routed"
    ULTRASCALE_PLUS = "synthesised only"


@dataclass(frozen=True)
class Device:
    """A device; *options* are those of nextpnr."""

    name: str
    family: Family
    options: tuple[str, ...] = ()


LFE5U_25F_6 = Device("LFE5U-25F-6", Family.ECP5, ("--25k", "--package", "CABGA381", "--speed", "6"))
LFE5U_45F_8 = Device("LFE5U-45F-8", Family.ECP5, ("--45k", "--package", "CABGA381", "--speed", "8"))
LFE5UM5G_85F_8 = Device(
    "LFE5UM5G-85F-8", Family.ECP5, ("--um5g-85k", "--package", "CABGA756", "--speed", "8")
)
ULTRASCALE_PLUS = Device("UltraScale+", Family.ULTRASCALE_PLUS)


class Design(Enum):
    """What is built."""

    NIC = "NicCore"
    TCAM = "Tcam of the path"

    def build(self, geometry: Geometry) -> wiring.Component:
        """The component, of the sizes that *geometry* gives it."""
        if self is Design.TCAM:
            from hybridmesh.rtl.match.tcam import Tcam

            return Tcam(geometry.path, geometry.width)
        from hybridmesh.rtl.nic import NicCore

        return NicCore(geometry)


@dataclass(frozen=True)
class Target:
    """One design of one size on one device.

    Attributes
    ----------
    goal_mhz : float or None
        The clock that it is built for, and measured against.
    sites : Sites or None
        Of the device, if the block RAMs are placed by the floorplan.
    """

    name: str
    design: Design
    device: Device
    geometry: Geometry
    goal_mhz: float | None = None
    sites: Sites | None = None

    def dut(self) -> wiring.Component:
        """The component; its ``latency`` is the clocks from a last beat to what it says of it."""
        return self.design.build(self.geometry)


ONE_GIGABIT, TEN_GIGABITS = 125.0, 156.25
"""Clocks in MHz at 1 and at 8 bytes per beat."""

_ALL = (
    Target(
        "nic-w1-256-45f",
        Design.NIC,
        LFE5U_45F_8,
        Geometry(width=1, rows=256, hosts=32),
        goal_mhz=ONE_GIGABIT,
    ),
    Target(
        "nic-w1-64-25f",
        Design.NIC,
        LFE5U_25F_6,
        Geometry(width=1, rows=64, hosts=16),
        goal_mhz=ONE_GIGABIT,
    ),
    Target(
        "nic-w8-256-85f",
        Design.NIC,
        LFE5UM5G_85F_8,
        Geometry(width=8, rows=256, hosts=32),
        goal_mhz=TEN_GIGABITS,
        sites=LFE5_85,
    ),
    Target(
        "nic-w64-32-85f",
        Design.NIC,
        LFE5UM5G_85F_8,
        Geometry(width=64, rows=32, hosts=16, predicates=16),
    ),
    Target("nic-w64-256-xcup", Design.NIC, ULTRASCALE_PLUS, Geometry(width=64, rows=256)),
    Target("nic-w64-1024-xcup", Design.NIC, ULTRASCALE_PLUS, Geometry(width=64, rows=1024)),
    Target("tcam-w1-256-45f", Design.TCAM, LFE5U_45F_8, Geometry(width=1, rows=256)),
    Target("tcam-w8-256-85f", Design.TCAM, LFE5UM5G_85F_8, Geometry(width=8, rows=256)),
    Target("tcam-w64-32-85f", Design.TCAM, LFE5UM5G_85F_8, Geometry(width=64, rows=32)),
    Target("tcam-w64-256-xcup", Design.TCAM, ULTRASCALE_PLUS, Geometry(width=64, rows=256)),
    Target("tcam-w64-1024-xcup", Design.TCAM, ULTRASCALE_PLUS, Geometry(width=64, rows=1024)),
)

TARGETS: Mapping[str, Target] = MappingProxyType({target.name: target for target in _ALL})
"""All targets by name."""


def find(name: str) -> Target:
    """The target of that name; raises :exc:`HybridMeshError` where there is none."""
    try:
        return TARGETS[name]
    except KeyError:
        raise HybridMeshError(
            f"There is no timing target {name!r}",
            remedy=f"choose one of {', '.join(TARGETS)}",
        ) from None

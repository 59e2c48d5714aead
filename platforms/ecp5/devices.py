"""The devices of the family: what they have, and how nextpnr calls them (Lattice FPGA-DS-02012,
"ECP5 and ECP5-5G Family Data Sheet", table 1.1; LUTs as nextpnr counts them).
"""

from dataclasses import dataclass

from amaranth.vendor import LatticeECP5Platform

__all__ = ["PARTS", "Device"]

PARTS = {"TRELLIS_COMB": "LUT4", "TRELLIS_FF": "FF", "DP16KD": "DP16KD"}
"""What is told of a device: nextpnr's words, and ours."""

_SIZES = {"25F": (24288, 56), "45F": (43848, 108), "85F": (83640, 208)}
_SERIES = {"LFE5U": "", "LFE5UM": "um-", "LFE5UM5G": "um5g-"}


@dataclass(frozen=True)
class Device:
    """A device in its package.

    Attributes
    ----------
    options : tuple of str
        Those of nextpnr.
    has : dict
        How many there are, by nextpnr's words.
    """

    options: tuple[str, ...]
    has: dict[str, int]

    @classmethod
    def of(cls, platform: type[LatticeECP5Platform]) -> "Device":
        """That of an Amaranth platform."""
        series, _, size = platform.device.partition("-")
        luts, blocks = _SIZES[size]
        option = f"--{_SERIES[series]}{size[:-1]}k"
        return cls(
            (option, "--package", f"CA{platform.package}".replace("BG", "BGA"))
            + ("--speed", platform.speed),
            dict(zip(PARTS, (luts, luts, blocks), strict=True)),
        )

"""Lattice ECP5: its block RAMs as the NIC's table memories, and where they stand."""

from .floorplan import LFE5_85, Sites, floorplan
from .memory import BlockTableMemory, TableMemories

__all__ = ["LFE5_85", "BlockTableMemory", "Sites", "TableMemories", "floorplan"]

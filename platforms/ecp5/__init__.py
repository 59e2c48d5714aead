"""Lattice ECP5: its block RAMs as the NIC's table memories."""

from .memory import BlockTableMemory, TableMemories

__all__ = ["BlockTableMemory", "TableMemories"]

"""Values of Amaranth layouts as numbers on a packed port, by the names of their members."""

from typing import Any

from amaranth.hdl import Shape
from amaranth.lib import data

__all__ = ["pack", "unpack"]


def unpack(layout: data.Layout, value: int) -> dict[str, Any]:
    """The members of *value*, those of a struct within it as a dictionary of their own."""
    members = {}
    for name, field in layout:
        bits = value >> field.offset & (1 << Shape.cast(field.shape).width) - 1
        nested = isinstance(field.shape, data.Layout)
        members[name] = unpack(field.shape, bits) if nested else bits
    return members


def pack(layout: data.Layout, **members: int) -> int:
    """The number whose *members* are these, the others 0."""
    value = 0
    for name, member in members.items():
        field = layout[name]
        assert 0 <= member < 1 << Shape.cast(field.shape).width, f"{name} = {member}"
        value |= member << field.offset
    return value

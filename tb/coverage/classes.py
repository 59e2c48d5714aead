"""Classes of bytes: those that the grammar treats alike, wherever they stand."""

from collections import defaultdict
from collections.abc import Iterator

from hybridmesh.contract.grammar import MARKS, METHODS, ROLE, RULES, Pattern

__all__ = ["CLASSES", "class_of"]

_SHORT = 2
"""Marks with longer patterns are words, whose letters are no classes of their own."""


def _patterns() -> Iterator[Pattern]:
    words = {condition.pattern for condition in METHODS.values()}
    yield from (rule.condition.pattern for rule in RULES if rule.condition.pattern not in words)
    yield from (symbol.pattern for symbol in ROLE.symbols)
    for conditions in MARKS.values():
        yield from (c.pattern for c in conditions if len(c.pattern) <= _SHORT)


def _classes() -> dict[str, frozenset[int]]:
    """By name; two bytes are of one class if every byte set has both of them or neither."""
    sets = {members for pattern in _patterns() for members in pattern}
    ordered = sorted(sets, key=sorted)
    alike: defaultdict[tuple[bool, ...], list[int]] = defaultdict(list)
    for byte in range(256):
        alike[tuple(byte in members for members in ordered)].append(byte)
    return {_name(members): frozenset(members) for members in alike.values()}


_NAMES = {9: "HTAB", 10: "LF", 13: "CR", 32: "SP"}


def _name(members: list[int]) -> str:
    """The bytes themselves, or of many the first and the last."""
    names = [_NAMES.get(byte, chr(byte) if 32 < byte < 127 else f"{byte:02x}") for byte in members]
    return "".join(names) if len(names) <= 7 else f"{names[0]}..{names[-1]}"


CLASSES = _classes()
"""Byte sets by name; every byte is in exactly one."""

_OF = {byte: name for name, members in CLASSES.items() for byte in members}


def class_of(byte: int) -> str:
    """The name of the class that *byte* is in."""
    return _OF[byte]

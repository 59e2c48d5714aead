"""Kinds of bytes of a request, as a picture tells them apart: by colour, and by letter."""

import enum

from ..contract.grammar import Line, Role
from .beats import LexedByte

__all__ = ["Kind", "kind_of"]


class Kind(enum.Enum):
    """A letter, what it stands for, and a colour that colour-blind readers know from its
    neighbours' (after Okabe and Ito, https://jfly.uni-koeln.de/color/)."""

    METHOD = ("M", "method", "#f3c15a")
    PATH = ("P", "path", "#8ecbf0")
    QUERY = ("Q", "query", "#5fc9a8")
    VERSION = ("V", "version", "#d9d9d9")
    NAME = ("N", "field name", "#f6ef9c")
    VALUE = ("W", "field value", "#ffffff")
    HOST = ("H", "host", "#f0965a")
    FRAMING = ("F", "length, coding or connection", "#e0a6c6")
    END = ("E", "empty line", "#6fa3cf")
    BEYOND = ("B", "beyond the head", "#ececec")

    def __init__(self, letter: str, meaning: str, colour: str) -> None:
        self.letter = letter
        self.meaning = meaning
        self.colour = colour


_BY_ROLE = {
    Role.METHOD: Kind.METHOD,
    Role.PATH: Kind.PATH,
    Role.QUERY: Kind.QUERY,
    Role.VERSION: Kind.VERSION,
    Role.NAME: Kind.NAME,
    Role.VALUE: Kind.VALUE,
    Role.DONE: Kind.BEYOND,
}

_BY_LINE = {
    Line.HOST: Kind.HOST,
    Line.LENGTH: Kind.FRAMING,
    Line.CONNECTION: Kind.FRAMING,
    Line.CODING: Kind.FRAMING,
}


def kind_of(byte: LexedByte) -> Kind:
    """What *byte* is; a delimiter is of the kind of what it ends."""
    if byte.role is Role.NAME and byte.value in b"\r\n":
        return Kind.END
    if byte.role is Role.VALUE:
        return _BY_LINE.get(byte.line, Kind.VALUE)
    return _BY_ROLE[byte.role]

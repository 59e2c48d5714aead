"""Questions that one column of the header space can answer about a request.

The NIC asks each of them of every field line and of every query parameter.  That one is met twice
in a head leaves the head to the CPU.
"""

from dataclasses import dataclass, replace
from typing import Protocol, Self

from ..contract.geometry import QUERY_BIT, QUERY_TERMINATOR, Space
from ..contract.grammar import QUERY_BYTE
from ..contract.table import Tcam
from .pattern import Pattern, put

__all__ = ["Line", "Param", "Question"]


class Question(Protocol):
    """What a column is made of; hashable, so that routes that ask the same share it."""

    @property
    def about(self) -> str:
        """The thing asked about, in words."""

    @property
    def is_possible(self) -> bool:
        """Whether the answer is ever yes for a head that the NIC decides."""

    def fits(self, space: Space) -> bool:
        """Whether a column of *space* can tell exactly what is asked."""

    def holding(self, value: bytes, *, exact: bool) -> Self:
        """The same question with a value."""

    def write(self, tcam: Tcam, column: int) -> None:
        """Let *column* accept what is asked; where it does not fit, more than that."""


@dataclass(frozen=True)
class Line:
    """Does a field line name *name* and hold *value*?

    ``value`` None asks for the name alone; where not ``exact`` the value may go on; ``any_case``
    takes letters of the value alike, as those of the name always are.  A decided head has exactly
    one space after each colon and no empty value.
    """

    name: bytes
    value: bytes | None = None
    exact: bool = False
    any_case: bool = False

    @property
    def pattern(self) -> Pattern:
        text = self.name + (b":" if self.value is None else b": " + self.value)
        return Pattern(text, self.exact, folded=len(text if self.any_case else self.name))

    @property
    def about(self) -> str:
        return f"field {self.name.decode()}"

    @property
    def is_possible(self) -> bool:
        return not self.pattern.impossible and not (self.exact and not self.value)

    def fits(self, space: Space) -> bool:
        return self.pattern.fits(space)

    def holding(self, value: bytes, *, exact: bool) -> Self:
        return replace(self, value=value, exact=exact)

    def write(self, tcam: Tcam, column: int) -> None:
        put(tcam, column, self.pattern)


_VALUE = QUERY_BYTE - set(b"&")
_NAME = _VALUE - set(b"=")
_EQUALS = ord("=") | QUERY_BIT
_AFTER_NAME = (1 << (_EQUALS & 15) | 1 << (QUERY_TERMINATOR & 15), 1 << (_EQUALS >> 4))
"""Nibbles of what stands after a parameter's name: the equals sign, or the end."""


@dataclass(frozen=True)
class Param:
    """Is a query parameter *name* there, and does it hold *value*?

    ``value`` None asks for the name alone; where not ``exact`` the value may go on.  A parameter
    without equals sign has the empty value.
    """

    name: bytes
    value: bytes | None = None
    exact: bool = False

    @property
    def about(self) -> str:
        return f"query parameter {self.name.decode()}"

    @property
    def is_possible(self) -> bool:
        return (
            bool(self.name) and _NAME.issuperset(self.name) and _VALUE.issuperset(self.value or b"")
        )

    @property
    def _key(self) -> bytes:
        text = self.name + b"=" + (self.value or b"")
        key = bytes(byte | QUERY_BIT for byte in text)
        return key + bytes([QUERY_TERMINATOR]) if self.exact else key

    def fits(self, space: Space) -> bool:
        return len(self._key) <= space.positions

    def holding(self, value: bytes, *, exact: bool) -> Self:
        return replace(self, value=value, exact=exact)

    def write(self, tcam: Tcam, column: int) -> None:
        put(tcam, column, Pattern(self._key, exact=False))
        if not self.value:  # then "name" alone is as good as "name="
            tcam.allow(column, len(self.name), *_AFTER_NAME)

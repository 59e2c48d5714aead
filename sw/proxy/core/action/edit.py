"""Changes of a head: fields removed, set and added, as ``headers`` of a route has them.

All values are made from the head as it is once the fields to be removed are gone; only then is
anything set or added.
"""

from collections.abc import Callable

from hybridmesh.config.model import HeaderChange
from hybridmesh.config.template import Command, parse_template

from . import lines
from .rewrite import replace_host

__all__ = ["Ask", "HeadEdit", "HostEdit"]

Ask = Callable[[Command, bytes], str]
"""The value of a command for a head; empty where there is none."""


class HeadEdit:
    """One :class:`~hybridmesh.config.model.HeaderChange`, ready to be made.

    Raises
    ------
    TemplateError
        Where a value is none.
    """

    __slots__ = ("_add", "_remove", "_set")

    def __init__(self, change: HeaderChange) -> None:
        self._remove = change.remove
        self._set = [(name, _Value(text)) for name, text in change.set]
        self._add = [(name, _Value(text)) for name, text in change.add]

    def __bool__(self) -> bool:
        return bool(self._remove or self._set or self._add)

    def apply(self, head: bytes, ask: Ask) -> bytes:
        """*head* with the changes made; a value that comes out empty changes nothing."""
        for name in self._remove:
            head = lines.drop(head, name)
        to_set = [(name, value.make(ask, head)) for name, value in self._set]
        to_add = [(name, value.make(ask, head)) for name, value in self._add]
        for name, text in to_set:
            if text:
                head = lines.add(lines.drop(head, name), name, text)
        for name, text in to_add:
            if text:
                head = lines.add(head, name, text)
        return head


class HostEdit:
    """Another Host, of which no trace is left; "": none."""

    __slots__ = ("_host",)

    def __init__(self, host: str) -> None:
        self._host = lines.wire(host)

    def __bool__(self) -> bool:
        return bool(self._host)

    def apply(self, head: bytes, ask: Ask) -> bytes:
        """*head* with it."""
        return replace_host(head, self._host)


class _Value:
    """A template."""

    __slots__ = ("_parts", "_plain")

    def __init__(self, text: str) -> None:
        self._parts = parse_template(lines.wire(text))
        plain = [part for part in self._parts if isinstance(part, str)]
        self._plain = "".join(plain) if len(plain) == len(self._parts) else None

    def make(self, ask: Ask, head: bytes) -> str:
        if self._plain is not None:
            return self._plain
        return "".join(
            part if isinstance(part, str) else ask(part, head)[: part.longest]
            for part in self._parts
        )

"""Reads YAML nodes into messages: frozen dataclasses that mirror Istio's own.

A message class *is* the table of its fields.  What it declares is done; ``not_done`` and
``no_effect`` name the rest of the fields that Istio knows, and say why.  So a field that is done,
known but not done, without effect at this gateway, or unknown is told apart by looking at one
class; ``docs/reference/istio.md`` is made by looking at all of them.
"""

import difflib
import enum
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from .document import Node
from .findings import Report

__all__ = [
    "Also",
    "BrokenError",
    "Choice",
    "Differs",
    "FieldError",
    "Message",
    "Read",
    "Reader",
    "attempt",
    "expect",
    "field_hints",
    "key_of",
    "read",
    "unwrapped",
]

T = TypeVar("T")


class FieldError(Exception):
    """A value that is not what its field asks for; ends the reading of that value alone.

    It stands at *node*, or where the reader that raises it was called.
    """

    def __init__(self, message: str, remedy: str = "", node: Node | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.node = node


class BrokenError(Exception):
    """Something below was wrong and has been reported."""


Reader = Callable[[Node, Report], Any]
"""Turns a node into a value; raises :exc:`FieldError`, or :exc:`BrokenError` after reporting."""


@dataclass(frozen=True)
class Read(Generic[T]):
    """How to read a field, given beside its type: ``Annotated[float, Read(duration)]``."""

    reader: Callable[[Node], T]


@dataclass(frozen=True)
class Also:
    """Another name of the field, as ``mirror_percent`` of ``mirrorPercent``."""

    key: str


@dataclass(frozen=True)
class Differs:
    """How a field that is done is not as it is in Istio; for the reference."""

    how: str


@dataclass(frozen=True, eq=False)  # so that it can stand in a type hint
class Choice(Generic[T]):
    """A reader of words: what each stands for, and why some that Istio knows are refused.

    With ``any_case``, the words are those in capitals.
    """

    words: Mapping[str, T]
    refused: Mapping[str, str] = field(default_factory=dict)
    any_case: bool = False

    def __call__(self, node: Node) -> T:
        text = expect(node, str)
        word = text.upper() if self.any_case else text
        if word in self.refused:
            raise FieldError(
                f"{word} is not supported yet: {self.refused[word]}",
                f"use {' or '.join(self.words)}" if len(self.words) < 4 else "use another one",
            )
        if word not in self.words:
            raise FieldError(f"{text!r} is not one of {', '.join(self.words)}")
        return self.words[word]


@dataclass(frozen=True)
class Message:
    """Base of all messages.

    A field without default is required.  Subclasses name the fields of Istio that they do not
    declare, and those of which only one may be given; ``rest`` is why fields that are not named at
    all do not matter::

        @dataclass(frozen=True)
        class Port(Message, not_done={"targetPort": "Istio refuses it"}, one_of=("number name",)):
            number: Annotated[int, Read(port_number)]

    Attributes
    ----------
    node : Node
        Where the message stands.
    """

    ISTIO_NAME: ClassVar[str] = ""
    NOT_DONE: ClassVar[Mapping[str, str]] = {}
    NO_EFFECT: ClassVar[Mapping[str, str]] = {}
    ONE_OF: ClassVar[tuple[tuple[str, ...], ...]] = ()
    REST: ClassVar[str] = ""

    node: Node

    def __init_subclass__(
        cls,
        *,
        name: str = "",
        not_done: Mapping[str, str] | None = None,
        no_effect: Mapping[str, str] | None = None,
        one_of: tuple[str, ...] = (),
        rest: str = "",
    ) -> None:
        cls.ISTIO_NAME = name or cls.__name__
        cls.NOT_DONE = not_done or {}
        cls.NO_EFFECT = no_effect or {}
        cls.ONE_OF = tuple(tuple(keys.split()) for keys in one_of)
        cls.REST = rest

    def check(self) -> None:
        """Raises :exc:`FieldError` where the fields do not go together."""


MessageT = TypeVar("MessageT", bound=Message)


def read(cls: type[MessageT], node: Node, report: Report) -> MessageT:
    """The message of class *cls* at *node*.

    Raises
    ------
    BrokenError
        If it cannot be made; all problems of all its fields are in *report* by then.
    """
    mapping = expect(node, dict)
    readers, required = _table(cls)  # type: ignore[arg-type]  # classes are hashable
    values: dict[str, Any] = {}
    broken = False
    for key, child in mapping.items():
        entry = readers.get(key)
        if entry is None and key in cls.NO_EFFECT:
            report.note(child.location, f"{key!r} has no effect: {cls.NO_EFFECT[key]}")
        elif entry is None and cls.REST:
            continue
        elif entry is None:
            _refuse(cls, key, child, report)
            broken = True
        elif child.value is not None:  # null is the same as not being there
            name, reader = entry
            try:
                values[name] = attempt(reader, child, report)
            except BrokenError:
                broken = True
                values[name] = None
    for name, key in required.items():
        if name not in values:
            report.error(node.location, f"the field {key!r} is missing", f"add {key!r}")
            broken = True
    if broken:
        raise BrokenError
    for keys in cls.ONE_OF:
        given = [key for key in keys if key in mapping and mapping[key].value is not None]
        if len(given) > 1:
            raise FieldError(
                f"{' and '.join(map(repr, given))} do not go together", "keep one of them"
            )
    message = cls(node=node, **values)
    message.check()
    return message


def attempt(reader: Reader, node: Node, report: Report) -> Any:
    """What *reader* makes of *node*; reports what it finds wrong, and raises BrokenError then."""
    try:
        return reader(node, report)
    except FieldError as wrong:
        report.error((wrong.node or node).location, wrong.message, wrong.remedy)
        raise BrokenError from None


def expect(node: Node, kind: type[T]) -> T:
    """The value of *node*, which must be of *kind*: dict, list, str, int or bool."""
    value = node.value
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    wanted, remedy = _KINDS[kind]
    if isinstance(value, (dict, list)) or value is None:
        remedy = ""
    raise FieldError(f"expected {wanted}, found {node.kind}", remedy, node)


_KINDS: Mapping[type, tuple[str, str]] = {
    dict: ("a mapping", ""),
    list: ("a list", ""),
    str: ("a string", "put the value in quotes"),
    int: ("a whole number", "write it in digits, without quotes"),
    bool: ("a boolean", "write true or false, without quotes"),
}


def _refuse(cls: type[Message], key: str, node: Node, report: Report) -> None:
    if key in cls.NOT_DONE:
        report.error(
            node.location,
            f"Istio's field {key!r} is not supported yet: {cls.NOT_DONE[key]}",
            "remove it, or keep this gateway on Envoy",
        )
        return
    readers, _ = _table(cls)  # type: ignore[arg-type]  # classes are hashable
    known = [*readers, *cls.NOT_DONE, *cls.NO_EFFECT]
    near = difflib.get_close_matches(key, known, n=1)
    report.error(
        node.location,
        f"unknown field {key!r}",
        f"did you mean {near[0]!r}?" if near else "Istio knows no such field here",
    )


def key_of(attribute: str) -> str:
    """The YAML key of an attribute: ``exportTo`` of ``export_to``."""
    head, *tail = attribute.split("_")
    return head + "".join(word.capitalize() for word in tail)


def field_hints(cls: type[Message]) -> dict[str, Any]:
    """The type hints of all fields but ``node``, in order, marks included."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {item.name: hints[item.name] for item in fields(cls) if item.name != "node"}


def unwrapped(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type of a hint, without ``None``, and its marks."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        (hint,) = (argument for argument in arguments if argument is not types.NoneType)
        return unwrapped(hint)
    return (arguments[0], arguments[1:]) if origin is Annotated else (hint, ())


@cache
def _table(cls: type[Message]) -> tuple[dict[str, tuple[str, Reader]], dict[str, str]]:
    """By YAML key, the attribute and its reader; and of the required attributes, their keys."""
    hints = field_hints(cls)
    readers = {}
    required = {}
    for item in fields(cls):
        if item.name == "node":
            continue
        key, hint = key_of(item.name), hints[item.name]
        names = [mark.key for mark in unwrapped(hint)[1] if isinstance(mark, Also)]
        for name in [key, *names]:
            readers[name] = (item.name, _reader(hint))
        if item.default is MISSING and item.default_factory is MISSING:
            required[item.name] = key
    return readers, required


def _reader(hint: Any) -> Reader:
    """The reader that a type hint asks for."""
    hint, marks = unwrapped(hint)
    for mark in marks:
        if isinstance(mark, Read):
            return _plain(mark.reader)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return _list_reader(_reader(arguments[0]))
    if origin is Mapping:
        return _map_reader(_reader(arguments[1]))
    if issubclass(hint, Message):
        return lambda node, report: read(hint, node, report)
    if issubclass(hint, enum.Enum):
        return lambda node, report: _member(hint, node)
    return lambda node, report: expect(node, hint)


def _plain(reader: Callable[[Node], Any]) -> Reader:
    return lambda node, report: reader(node)


def _member(cls: type[enum.Enum], node: Node) -> enum.Enum:
    text = expect(node, str)
    try:
        return cls[text]
    except KeyError:
        names = ", ".join(cls.__members__)
        raise FieldError(f"{text!r} is not one of {names}") from None


def _list_reader(item: Reader) -> Reader:
    def read_list(node: Node, report: Report) -> tuple[Any, ...]:
        return tuple(_all(item, expect(node, list), report))

    return read_list


def _map_reader(item: Reader) -> Reader:
    def read_map(node: Node, report: Report) -> dict[str, Any]:
        mapping: dict[str, Node] = expect(node, dict)
        return dict(zip(mapping, _all(item, list(mapping.values()), report), strict=True))

    return read_map


def _all(item: Reader, nodes: list[Node], report: Report) -> list[Any]:
    """Every item read; a broken one does not keep the problems of the others back."""
    values = []
    broken = False
    for node in nodes:
        try:
            values.append(attempt(item, node, report))
        except BrokenError:
            broken = True
    if broken:
        raise BrokenError
    return values

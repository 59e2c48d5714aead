"""YAML text to trees of :class:`Node` that know where they stand.

The nodes are built from the parser's events, not by its composer: that is several times faster for
large files, finds duplicate keys, and stands up to text nested a million levels deep.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from .findings import Report
from .model import Location

__all__ = ["Node", "parse"]

MAX_DEPTH = 64
"""Levels of nesting allowed; Istio's deepest field stands at about twelve."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"
_TEXT_TAGS = frozenset(_TAG + name for name in ("str", "timestamp", "value", "merge"))

Scalar = str | int | float | bool | None


class Node:
    """A value of the YAML document.

    Attributes
    ----------
    value : dict of Node, list of Node, or a scalar
    line : int
        Counted from 1.
    """

    __slots__ = ("_file", "_key", "_parent", "line", "value")

    def __init__(self, value: dict[str, Node] | list[Node] | Scalar, line: int, file: str) -> None:
        self.value = value
        self.line = line
        self._file = file
        self._parent: Node | None = None
        self._key: str | int = ""

    def adopt(self, key: str | int, child: Node, line: int) -> None:
        """Make *child* known as what stands under *key*; an aliased node keeps its first place.

        A mapping or list counts as standing on *line*, that of its key or dash, and not on the
        line of its own first item.
        """
        if child._parent is None:
            child._parent, child._key = self, key
            if isinstance(child.value, (dict, list)):
                child.line = line

    @property
    def location(self) -> Location:
        """File, line, and path from the root of the document."""
        steps = []
        node = self
        while node._parent is not None:
            key = node._key
            steps.append(f"[{key}]" if isinstance(key, int) else f".{key}")
            node = node._parent
        return Location(self._file, self.line, "".join(reversed(steps)).removeprefix("."))

    @property
    def kind(self) -> str:
        """What the value is, for messages."""
        if isinstance(self.value, dict):
            return "a mapping"
        if isinstance(self.value, list):
            return "a list"
        if self.value is None:
            return "nothing"
        # bool before int: True is an int.
        for kind, name in ((bool, "a boolean"), (int, "a number"), (float, "a number")):
            if isinstance(self.value, kind):
                return name
        return "a string"


class _StopError(Exception):
    """The text cannot be read further."""

    def __init__(self, line: int, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.remedy = remedy


def parse(text: str, file: str, report: Report) -> Iterator[Node]:
    """The documents of *text*; what is wrong with them goes to *report*."""
    try:
        yield from _Builder(text, file, report).documents()
    except _StopError as stop:
        report.error(Location(file, stop.line), stop.message, stop.remedy)
    except yaml.reader.ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        report.error(Location(file, line), "a character that YAML does not allow", "remove it")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        lines = text.splitlines()
        tab = line <= len(lines) and lines[line - 1].lstrip(" ").startswith("\t")
        report.error(
            Location(file, line),
            f"not YAML: {error.problem}",
            "indent with spaces, not with tabs" if tab else "",
        )


class _Builder:
    """Builds nodes from the events of one file."""

    def __init__(self, text: str, file: str, report: Report) -> None:
        self._loader = _Loader(text)
        self._file = file
        self._report = report
        self._anchors: dict[str, Node] = {}

    def documents(self) -> Iterator[Node]:
        try:
            while self._loader.check_event():
                event = self._loader.get_event()
                if isinstance(event, yaml.DocumentStartEvent):
                    self._anchors.clear()
                    yield self._document()
        finally:
            self._loader.dispose()

    def _document(self) -> Node:
        """The tree below a document start, built without recursion."""
        stack: list[_Collection] = []
        while True:
            event = self._loader.get_event()
            if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                if len(stack) == MAX_DEPTH:
                    raise _StopError(_line(event), f"nested more than {MAX_DEPTH} levels deep")
                if isinstance(event, yaml.MappingStartEvent):
                    stack.append(_Mapping(event, self._file, self._report))
                else:
                    stack.append(_Sequence(event, self._file))
                continue
            if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                collection = stack.pop()
                node, anchor, plain = collection.close(), collection.anchor, ""
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in self._anchors:
                    raise _StopError(
                        _line(event), f"no anchor &{event.anchor} stands above this alias"
                    )
                node, anchor, plain = self._anchors[event.anchor], None, ""
            else:
                node, plain = self._scalar(event)
                anchor = event.anchor
            if anchor is not None:
                self._anchors[anchor] = node
            if not stack:
                return node
            stack[-1].add(node, plain, _line(event))

    def _scalar(self, event: yaml.ScalarEvent) -> tuple[Node, str]:
        """The node, and its text where it may serve as a key (``<<`` only if plain)."""
        text: str = event.value
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._loader.resolve(yaml.ScalarNode, text, event.implicit)
        line = _line(event)
        value = self._value(tag, text, line)
        return Node(value, line, self._file), _MERGE if tag == _MERGE else text

    def _value(self, tag: str, text: str, line: int) -> Scalar:
        if tag in _TEXT_TAGS:
            return text
        if tag == _TAG + "null":
            return None
        # YAML 1.1 reads 12:30 as a number of base 60; Kubernetes does not.
        if tag in (_TAG + "int", _TAG + "float") and ":" in text:
            return text
        constructor = {
            _TAG + "int": self._loader.construct_yaml_int,
            _TAG + "float": self._loader.construct_yaml_float,
            _TAG + "bool": self._loader.construct_yaml_bool,
        }.get(tag)
        if constructor is None:
            raise _StopError(
                line, f"the tag {tag.replace(_TAG, '!!')} has no meaning here", "remove it"
            )
        try:
            value: Scalar = constructor(yaml.ScalarNode(tag, text))
        except (ValueError, KeyError, IndexError):
            return text
        return value


class _Sequence:
    """A sequence whose end has not come yet."""

    def __init__(self, event: yaml.SequenceStartEvent, file: str) -> None:
        self.anchor = event.anchor
        self._items: list[Node] = []
        self._node = Node(self._items, _line(event), file)

    def add(self, node: Node, text: str, line: int) -> None:
        self._node.adopt(len(self._items), node, node.line)
        self._items.append(node)

    def close(self) -> Node:
        return self._node


class _Mapping:
    """A mapping whose end has not come yet."""

    def __init__(self, event: yaml.MappingStartEvent, file: str, report: Report) -> None:
        self.anchor = event.anchor
        self._items: dict[str, Node] = {}
        self._node = Node(self._items, _line(event), file)
        self._merged: list[Node] = []
        self._file = file
        self._report = report
        self._key: str | None = None
        self._key_line = 0

    def add(self, node: Node, text: str, line: int) -> None:
        if self._key is None:
            if not text and node.value != "":
                raise _StopError(line, "a key that is not a plain word")
            self._key, self._key_line = text, line
            return
        key, self._key = self._key, None
        if key == _MERGE:
            self._merge(node, line)
        elif key in self._items:
            self._report.error(
                Location(self._file, self._key_line),
                f"the key {key!r} stands twice in one mapping "
                f"(first on line {self._items[key].line})",
                "remove one of them",
            )
        else:
            self._node.adopt(key, node, self._key_line)
            self._items[key] = node

    def _merge(self, node: Node, line: int) -> None:
        sources = node.value if isinstance(node.value, list) else [node]
        if not all(isinstance(source.value, dict) for source in sources):
            raise _StopError(line, "<< needs a mapping, or a list of mappings")
        self._merged += sources

    def close(self) -> Node:
        for source in self._merged:
            assert isinstance(source.value, dict)
            for key, node in source.value.items():
                self._items.setdefault(key, node)
        return self._node


_Collection = _Mapping | _Sequence


def _line(event: yaml.Event) -> int:
    line: int = event.start_mark.line
    return line + 1

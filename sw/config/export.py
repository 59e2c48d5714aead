"""The reference page of what is read: every field that Istio knows, and what becomes of it.

``python -m hybridmesh.config.export FOLDER`` writes ``istio.md`` there, from the message classes.
"""

import enum
import re
import sys
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from .message import Also, Choice, Differs, Message, Read, field_hints, key_of, unwrapped
from .resource import KINDS, PASSED_OVER, REFUSED_KINDS, WITHOUT_SPEC

__all__ = ["inner_type", "is_message", "messages", "reference_page", "write"]

Row = tuple[str, str, str]

_OPENING = """\
# Istio's configuration, field by field

Made by `python -m hybridmesh.config.export docs/reference` from the classes in `sw/config/istio`,
which the reader goes by; change those, not this page.

| state | means |
| --- | --- |
| done | as in Istio |
| in part | done, but for the values that the remark names as refused |
| differs | done, and different in what the remark says |
| no effect | accepted; there is nothing for it to do here |
| refused | the configuration is not loaded; the remark says why |

Fields that Istio does not know are refused. What Istio's own validation refuses is refused too."""


def reference_page() -> str:
    """``istio.md``: a table for each message."""
    parts = [_OPENING]
    seen: set[type[Message]] = set()
    for kind, root in KINDS.items():
        parts.append(f"## {kind}")
        for place, cls in messages("" if kind in WITHOUT_SPEC else "spec", root, seen):
            if cls is not root:
                parts.append(f"### {cls.ISTIO_NAME}")
            parts += _section(place, cls)
    parts += [
        "## Other kinds",
        _table(("kind", "state"), sorted(_other_kinds())),
        "Kinds of other groups are passed over too.",
    ]
    return "\n\n".join(parts) + "\n"


def messages(
    place: str, cls: type[Message], seen: set[type[Message]]
) -> Iterator[tuple[str, type[Message]]]:
    """*cls* and the messages within it, each once, with the place where it is first met."""
    if cls in seen:
        return
    seen.add(cls)
    yield place, cls
    for attribute, hint in field_hints(cls).items():
        inner, suffix = inner_type(hint)
        if is_message(inner) and inner not in KINDS.values():
            key = key_of(attribute)
            yield from messages(_within(place, key, suffix), inner, seen)


def _within(place: str, key: str, suffix: str) -> str:
    """The place of what stands in a field."""
    return f"{place}.{key}{suffix}".removeprefix(".")


def _section(place: str, cls: type[Message]) -> Iterator[str]:
    where = f"`{place}`" if place else "the top"
    yield f"At {where}. {(cls.__doc__ or '').splitlines()[0].replace('``', '`')}"
    yield _table(("field", "state", "remark"), _rows(cls))
    for keys in cls.ONE_OF:
        yield f"Only one of {', '.join(f'`{key}`' for key in keys)}."


def _rows(cls: type[Message]) -> Iterator[Row]:
    hints = field_hints(cls)
    for item in fields(cls):
        if item.name != "node":
            required = item.default is MISSING and item.default_factory is MISSING
            yield _field(item.name, hints[item.name], required)
    for key, reason in cls.NO_EFFECT.items():
        yield f"`{key}`", "no effect", reason
    for key, reason in cls.NOT_DONE.items():
        yield f"`{key}`", "refused", reason
    if cls.REST:
        yield "all others", "no effect", cls.REST


def _field(attribute: str, hint: Any, required: bool) -> Row:
    key = key_of(attribute)
    inner, _ = inner_type(hint)
    marks = list(_marks(hint))
    words, refused = _words(inner, marks)
    differs = [mark.how for mark in marks if isinstance(mark, Differs)]
    remarks = [
        *(["required"] if required else []),
        *(f"also `{mark.key}`" for mark in marks if isinstance(mark, Also)),
        *([_link(inner)] if is_message(inner) else []),
        *([", ".join(f"`{word}`" for word in words if word)] if words else []),
        *differs,
        *_refusals(refused),
    ]
    state = "differs" if differs else "in part" if refused else "done"
    return f"`{key}`", state, "; ".join(remarks)


def _refusals(words: Mapping[str, str]) -> Iterator[str]:
    """The words that are refused, those of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for word, reason in words.items():
        by_reason.setdefault(reason, []).append(f"`{word}`")
    for reason, together in by_reason.items():
        yield f"refused: {', '.join(together)} ({reason})"


def _words(inner: Any, marks: Sequence[Any]) -> tuple[list[str], Mapping[str, str]]:
    """The values that a field of words has, and why some are refused."""
    for mark in marks:
        if isinstance(mark, Read) and isinstance(mark.reader, Choice):
            return list(mark.reader.words), mark.reader.refused
    if isinstance(inner, type) and issubclass(inner, enum.Enum):
        return list(inner.__members__), {}
    return [], {}


def inner_type(hint: Any) -> tuple[Any, str]:
    """The type of a field, or of its items, and what its path has behind its name."""
    hint, _ = unwrapped(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return unwrapped(arguments[0])[0], "[]"
    if origin is Mapping:
        return unwrapped(arguments[1])[0], ".*"
    return hint, ""


def _marks(hint: Any) -> Iterator[Any]:
    """The marks of a field and of its items."""
    hint, marks = unwrapped(hint)
    yield from marks
    for argument in typing.get_args(hint):
        if argument is not Ellipsis:
            yield from unwrapped(argument)[1]


def is_message(inner: Any) -> bool:
    return isinstance(inner, type) and issubclass(inner, Message)


def _link(cls: type[Message]) -> str:
    anchor = re.sub(r"[^a-z0-9-]", "", cls.ISTIO_NAME.lower())
    return f"[{cls.ISTIO_NAME}](#{anchor})"


def _other_kinds() -> Iterator[tuple[str, str]]:
    for group, kind in REFUSED_KINDS:
        yield f"`{kind}` ({group})", "refused"
    for group, kind in PASSED_OVER:
        yield f"`{kind}` ({group})", "passed over, with a note"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write(folder: Path) -> None:
    """Write the page into *folder*."""
    (folder / "istio.md").write_text(reference_page())


if __name__ == "__main__":
    write(Path(sys.argv[1]))

"""Values of fields that ``headers`` adds: text with command operators, such as ``%REQ(x-user)%``.

The notation is Envoy's (https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/
access_log/usage#command-operators); ``%%`` is a percent sign.
"""

import re
from dataclasses import dataclass

__all__ = ["COMMANDS", "Command", "TemplateError", "parse_template"]

COMMANDS: dict[str, bool] = {
    "REQ": True,
    "RESP": True,
    "PROTOCOL": False,
    "RESPONSE_CODE": False,
    "RESPONSE_CODE_DETAILS": False,
    "RESPONSE_FLAGS": False,
    "UPSTREAM_CLUSTER": False,
    "UPSTREAM_HOST": False,
    "UPSTREAM_REMOTE_ADDRESS": False,
    "UPSTREAM_REQUEST_ATTEMPT_COUNT": False,
    "DOWNSTREAM_REMOTE_ADDRESS": False,
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": False,
    "DOWNSTREAM_REMOTE_PORT": False,
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS": False,
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": False,
    "DOWNSTREAM_DIRECT_REMOTE_PORT": False,
    "DOWNSTREAM_LOCAL_ADDRESS": False,
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": False,
    "DOWNSTREAM_LOCAL_PORT": False,
    "HOSTNAME": False,
    "START_TIME": False,
}
"""The commands that are known, and whether they take a name: ``REQ(name)``."""

_PART = re.compile(r"%(?:(%)|([A-Z_]+)(?:\(([^()%]*)\))?(?::([0-9]+))?%)?")


class TemplateError(ValueError):
    """The text is no template."""


@dataclass(frozen=True)
class Command:
    """``%NAME%``, ``%NAME(first?second)%``, ``%NAME(first):longest%``.

    Attributes
    ----------
    fields : tuple of str
        Lower-case names of fields, of which the first that is there counts.
    longest : int or None
        Characters that are left of the value.
    """

    name: str
    fields: tuple[str, ...] = ()
    longest: int | None = None


def parse_template(text: str) -> tuple[str | Command, ...]:
    """The parts of *text*: literal text and commands, in order.

    Raises
    ------
    TemplateError
        If a percent sign begins no command, or one that is not known.
    """
    parts: list[str | Command] = []
    end = 0
    for match in _PART.finditer(text):
        if match.start() > end:
            parts.append(text[end : match.start()])
        end = match.end()
        parts.append("%" if match[1] else _command(match))
    if end < len(text):
        parts.append(text[end:])
    return tuple(parts)


def _command(match: re.Match[str]) -> Command:
    name, argument, longest = match[2], match[3], match[4]
    if name is None:
        raise TemplateError("a percent sign that begins no command; write %% for the sign itself")
    if name not in COMMANDS:
        raise TemplateError(f"the command %{name}% is not known")
    fields = tuple(argument.lower().split("?")) if argument else ()
    if bool(fields) is not COMMANDS[name] or len(fields) > 2 or not all(fields):
        example = f"%{name}(name)%" if COMMANDS[name] else f"%{name}%"
        raise TemplateError(f"{match[0]!r} is not written as {example}")
    return Command(name, fields, int(longest) if longest else None)

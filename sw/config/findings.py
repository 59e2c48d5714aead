"""What reading a configuration brings to light: findings, collected in a report.

Every stage of :mod:`hybridmesh.config` writes into one :class:`Report` and goes on, so that a user
sees all problems of a folder at once.  ``load`` raises the errors, ``lint`` shows everything.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import HybridMeshError
from .model import Location

__all__ = ["ConfigError", "Finding", "Report", "Severity"]


class Severity(enum.StrEnum):
    """How much a finding matters: an error keeps the configuration from being loaded."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing to tell the user: where it is, what it is, and what to do about it."""

    severity: Severity
    location: Location
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.location}: {self.severity}: {self.message}"
        return f"{text}; {self.remedy}" if self.remedy else text


class ConfigError(HybridMeshError):
    """The configuration cannot be loaded; ``problems`` holds every error found, in order."""

    def __init__(self, problems: Sequence[Finding]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(first.message, place=str(first.location), remedy=first.remedy)

    def __str__(self) -> str:
        more = len(self.problems) - 1
        text = super().__str__()
        return f"{text} (and {more} more: hybridmesh lint -f ...)" if more else text


class Report:
    """Collects findings; the same finding is kept once."""

    def __init__(self) -> None:
        self._findings: dict[Finding, None] = {}

    def error(self, location: Location, message: str, remedy: str = "") -> None:
        self._findings[Finding(Severity.ERROR, location, message, remedy)] = None

    def warning(self, location: Location, message: str, remedy: str = "") -> None:
        self._findings[Finding(Severity.WARNING, location, message, remedy)] = None

    def note(self, location: Location, message: str, remedy: str = "") -> None:
        self._findings[Finding(Severity.NOTE, location, message, remedy)] = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(self._findings)

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self._findings if f.severity is Severity.ERROR)

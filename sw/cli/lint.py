"""``hybridmesh lint``: every finding on a line of its own, in the form that editors understand."""

from collections import Counter
from pathlib import Path

import click

from . import options

__all__ = ["lint"]


@click.command()
@options.files
def lint(paths: tuple[Path, ...]) -> int:
    """Say what is wrong with Istio YAML, and what in it may surprise.

    Errors (exit code 1) keep the configuration from being loaded; warnings and notes do not.

    \b
    hybridmesh lint -f gateway.yaml -f routes/
    """
    from ..config import Severity
    from ..config import lint as findings_of

    findings = findings_of(paths)
    for finding in findings:
        click.echo(str(finding))
    counts = Counter(finding.severity for finding in findings)
    click.echo(", ".join(_count(counts[severity], severity) for severity in Severity))
    return 1 if counts[Severity.ERROR] else 0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

"""The judge: compares every answer, and the gateway's own account of it, with the script."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .client import Answer, numbered
from .script import Outcome, Scene

__all__ = ["Verdicts", "judge"]

Entry = Mapping[str, Any]
"""A line of the access log."""


@dataclass(frozen=True)
class Verdicts:
    """The judge's: log entries by outcome, and what is wrong in words."""

    entries: tuple[tuple[Entry, ...], ...]
    wrong: tuple[str, ...]

    def remark(self, scene: Scene) -> str:
        counts = [len(found) for found in self.entries]
        total = len(scene.asks)
        return scene.remark.format(*counts, total=total, share=[100 * n / total for n in counts])


def judge(
    scene: Scene, answers: Sequence[Answer], log: Mapping[int, Entry], *, has_nic: bool
) -> Verdicts:
    """Give each of *answers* to the outcome that it fits.

    *log* has the entries by the numbers of the requests.  Without a NIC no verdict is expected.
    """
    found: list[list[Entry]] = [[] for _ in scene.outcomes]
    wrong = []
    for answer in answers:
        entry = log.get(answer.number, {})
        faults = [_fault(outcome, answer, entry, has_nic) for outcome in scene.outcomes]
        if "" in faults:
            found[faults.index("")].append(entry)
        else:
            wrong.append(f"{scene.name}, request {answer.number}: {' / '.join(faults)}")
    for outcome, entries in zip(scene.outcomes, found, strict=True):
        if not wrong and not outcome.at_least <= len(entries) <= outcome.at_most:
            wrong.append(
                f"{scene.name}: {len(entries)} answers with status {outcome.status} from "
                f"{' or '.join(outcome.pods) or 'the gateway'} in {outcome.attempts} attempts, "
                f"not {outcome.at_least} to {outcome.at_most}"
            )
    return Verdicts(tuple(map(tuple, found)), tuple(wrong))


def _fault(outcome: Outcome, answer: Answer, entry: Entry, has_nic: bool) -> str:
    """The first thing in which *answer* is not *outcome*; empty if it is."""
    if answer.failure:
        return f"no answer: {answer.failure}"
    route = outcome.route and f"shop/shop/{outcome.route}"
    checks = [
        ("status", answer.status, outcome.status),
        ("pod", answer.pod in outcome.pods if outcome.pods else not answer.pod, True),
        ("logged status", entry.get("response_code"), outcome.status),
        ("route", entry.get("route_name"), route),
        ("flags", entry.get("response_flags"), outcome.flags),
        ("attempts", entry.get("upstream_request_attempt_count"), outcome.attempts),
        ("verdict", entry.get("verdict", {}).get("state"), outcome.verdict if has_nic else "none"),
    ]
    if outcome.pods and answer.ask.method != "HEAD":
        ask = answer.ask
        told = _told(answer.content)
        checks += [
            ("pod in the body", told.get("pod"), answer.pod),
            ("method", told.get("method"), ask.method),
            ("target", told.get("target"), numbered(outcome.sees or ask.target, answer.number)),
            ("host", told.get("host"), ask.host),
            ("body", told.get("sha256"), hashlib.sha256(ask.body).hexdigest()),
        ]
    for name, came, expected in checks:
        if came != expected:
            shown = answer.pod if name == "pod" else came
            wanted = " or ".join(outcome.pods) if name == "pod" else expected
            return f"{name} is {shown!r}, not {wanted!r}"
    return ""


def _told(content: bytes) -> dict[str, Any]:
    try:
        told = json.loads(content)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}

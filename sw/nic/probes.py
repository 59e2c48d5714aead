"""Probes: the signals that tell what a simulated NIC does with a request, by the name they have in
its waves.

A simulated NIC that records has a module :data:`SCOPE` beside the core, with a signal for each of
them (:mod:`hybridmesh.nic.probed`).  Those of one group are valid in the clocks in which the
group's ``beat`` is set, however many clocks before the parts of it were known.
"""

import enum
from dataclasses import dataclass

from ..contract.grammar import Line, Mark, Role
from ..contract.verdict import SHIM, Reason

__all__ = ["GROUPS", "SCOPE", "Form", "Group", "Probe"]

SCOPE = "request"
"""Name of the module, within the exported one."""


class Form(enum.Enum):
    """How a signal is to be read."""

    FLAG = "flag"
    NUMBER = "number"
    SET = "set"
    """Bit *n* stands for the member *n*."""
    LANES = "lanes"
    """A bit for each lane, the first lane's leftmost."""
    TEXT = "text"
    """A byte for each lane, the first lane's leftmost; of meaning in the lanes that are used."""


@dataclass(frozen=True)
class Probe:
    """One signal: its name, and how it is to be read."""

    name: str
    form: Form


@dataclass(frozen=True)
class Group:
    """Signals of one stage, and what the stage is in words.

    The first one is its ``beat``.
    """

    title: str
    probes: tuple[Probe, ...]
    detail: bool = False
    """One whose beats are those of the group before, of interest to few."""


def _group(title: str, *probes: tuple[str, Form], detail: bool = False) -> Group:
    return Group(title, tuple(Probe(*probe) for probe in probes), detail)


def _stream(name: str, title: str) -> Group:
    return _group(
        title,
        (f"{name}_beat", Form.FLAG),
        (f"{name}_text", Form.TEXT),
        (f"{name}_keep", Form.LANES),
        (f"{name}_last", Form.FLAG),
    )


GROUPS = (
    _stream("wire", "frames from the wire"),
    _group(
        "lexer: the role of each byte",
        ("lexer_beat", Form.FLAG),
        ("lexer_text", Form.TEXT),
        ("lexer_mask", Form.LANES),
        ("lexer_last", Form.FLAG),
        *((f"role_{role.name.lower()}", Form.LANES) for role in Role),
    ),
    _group(
        "lexer: field lines of special interest",
        *((f"line_{line.name.lower()}", Form.LANES) for line in Line),
        detail=True,
    ),
    _group(
        "lexer: marks, where things begin and end",
        *((f"mark_{mark.name.lower()}", Form.LANES) for mark in Mark),
        detail=True,
    ),
    _group(
        "lexer: rules, why a head is not decided",
        *((f"rule_{reason.name.lower()}", Form.LANES) for reason in Reason if reason),
        detail=True,
    ),
    _group(
        "path: the bytes looked up, the rows that still match",
        ("path_beat", Form.FLAG),
        ("path_text", Form.TEXT),
        ("path_mask", Form.LANES),
        ("path_begin", Form.FLAG),
        ("path_end", Form.FLAG),
        ("path_rows", Form.SET),
    ),
    _group(
        "field lines and query parameters: predicates met",
        ("predicates_met", Form.SET),
        ("predicates_repeated", Form.FLAG),
        ("predicates_crowded", Form.FLAG),
    ),
    _group(
        "rows: conditions put together, the lowest row",
        ("row_beat", Form.FLAG),
        ("row_by_path", Form.SET),
        ("row_by_call", Form.SET),
        ("row_by_host", Form.SET),
        ("row_left", Form.SET),
        ("row_found", Form.FLAG),
        ("row_number", Form.NUMBER),
    ),
    _group(
        "verdict",
        ("verdict_beat", Form.FLAG),
        ("verdict_insert", Form.FLAG),
        *((f"verdict_{field.name}", Form.NUMBER) for field in SHIM.fields),
    ),
    _stream("host", "frames to the host"),
)

"""Probes: the signals that tell what a simulated NIC does with a request, by the name they have in
its waves.

A simulated NIC that records has a module :data:`SCOPE` beside the core, with a signal for each of
them (:mod:`hybridmesh.nic.probed`).  Those of one group are valid in the clocks in which the
group's ``beat`` is set, however many clocks before the parts of it were known.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from ..contract.geometry import Geometry
from ..contract.grammar import Line, Mark, Role
from ..contract.verdict import SHIM, Reason

__all__ = ["SCOPE", "Form", "Group", "Probe", "probe_groups"]

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
    """One signal: its name, how it is to be read, how many bits it has."""

    name: str
    form: Form
    bits: int


@dataclass(frozen=True)
class Group:
    """Signals of one stage, what the stage is in words, and whether they are a matter of detail."""

    name: str
    title: str
    probes: tuple[Probe, ...]
    detail: bool = False


def probe_groups(geometry: Geometry) -> tuple[Group, ...]:
    """The probes of a NIC of *geometry*, from the wire to the host."""
    lanes, rows = geometry.width, geometry.rows

    def flags(*names: str) -> list[Probe]:
        return [Probe(name, Form.FLAG, 1) for name in names]

    def by_lane(prefix: str, members: Iterable[enum.IntEnum]) -> list[Probe]:
        names = (f"{prefix}_{member.name.lower()}" for member in members)
        return [Probe(name, Form.LANES, lanes) for name in names]

    def text(name: str) -> Probe:
        return Probe(name, Form.TEXT, 8 * lanes)

    def row_set(name: str) -> Probe:
        return Probe(name, Form.SET, rows)

    def stream(name: str, title: str) -> Group:
        keep = Probe(f"{name}_keep", Form.LANES, lanes)
        beat, last = flags(f"{name}_beat", f"{name}_last")
        return Group(name, title, (beat, text(f"{name}_text"), keep, last))

    return (
        stream("wire", "frames from the wire"),
        Group(
            "lexer",
            "lexer: the role of each byte",
            (
                *flags("lexer_beat"),
                text("lexer_text"),
                Probe("lexer_mask", Form.LANES, lanes),
                *flags("lexer_last"),
                *by_lane("role", Role),
            ),
        ),
        Group("lines", "lexer: lines of special interest", (*by_lane("line", Line),), detail=True),
        Group("marks", "lexer: where things begin and end", (*by_lane("mark", Mark),), detail=True),
        Group(
            "rules",
            "lexer: why a head is not decided",
            (*by_lane("rule", (reason for reason in Reason if reason)),),
            detail=True,
        ),
        Group(
            "path",
            "path: the bytes looked up, the rows that still match",
            (
                *flags("path_beat"),
                text("path_text"),
                Probe("path_mask", Form.LANES, lanes),
                *flags("path_begin", "path_end"),
                row_set("path_rows"),
            ),
        ),
        Group(
            "predicates",
            "field lines and query parameters: predicates met",
            (
                Probe("predicates_met", Form.SET, geometry.predicates),
                *flags("predicates_repeated", "predicates_crowded"),
            ),
        ),
        Group(
            "rows",
            "rows: conditions put together, the lowest row",
            (
                *flags("row_beat"),
                row_set("row_by_path"),
                row_set("row_by_call"),
                row_set("row_by_host"),
                row_set("row_left"),
                *flags("row_found"),
                Probe("row_number", Form.NUMBER, (rows - 1).bit_length()),
            ),
        ),
        Group(
            "verdict",
            "verdict",
            (
                *flags("verdict_beat", "verdict_insert"),
                *(Probe(f"verdict_{f.name}", Form.NUMBER, f.bits) for f in SHIM.fields),
            ),
        ),
        stream("host", "frames to the host"),
    )

"""The probes of a NIC, clock by clock, read back from the waves that it wrote as VCD."""

from collections.abc import Mapping
from pathlib import Path

from ..contract.geometry import Geometry
from ..nic.build import PERIOD
from ..nic.probes import SCOPE, probe_groups

__all__ = ["Samples", "read_samples"]

Samples = Mapping[str, list[int]]
"""By name of a probe, its value in each clock."""


def read_samples(path: Path, geometry: Geometry) -> Samples:
    """The values of all probes of a NIC of *geometry* in the waves at *path*, as the edge of each
    clock found them."""
    from vcd.reader import TokenKind, tokenize  # comes with Amaranth, as the NIC did

    names = {probe.name for group in probe_groups(geometry) for probe in group.probes}
    scope: list[str] = []
    signals: dict[str, list[str]] = {}  # several of one value share an identifier
    now = dict.fromkeys(names, 0)
    samples: dict[str, list[int]] = {name: [] for name in names}

    def fill(clocks: int) -> None:
        for name, values in samples.items():
            values += [now[name]] * (clocks - len(values))

    with path.open("rb") as file:
        for token in tokenize(file):
            if token.kind is TokenKind.SCOPE:
                scope.append(token.scope.ident)
            elif token.kind is TokenKind.UPSCOPE:
                scope.pop()
            elif token.kind is TokenKind.VAR:
                if scope[-1] == SCOPE and token.var.reference in names:
                    signals.setdefault(token.var.id_code, []).append(token.var.reference)
            elif token.kind is TokenKind.CHANGE_TIME:
                fill(-(-token.time_change // PERIOD))
            elif token.kind is TokenKind.CHANGE_SCALAR:
                for name in signals.get(token.scalar_change.id_code, ()):
                    now[name] = int(token.scalar_change.value)
            elif token.kind is TokenKind.CHANGE_VECTOR:
                for name in signals.get(token.vector_change.id_code, ()):
                    now[name] = int(token.vector_change.value)
    return samples

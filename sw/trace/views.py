"""What a wave viewer shows of a request's waves at first: the probes, group by group.

GTKWave reads it from a save file (``.gtkw``), Surfer from a file of commands (``.sucl``).
Both name the file of waves, and signals of it alone.
"""

from collections.abc import Sequence
from pathlib import Path

from ..nic.probes import SCOPE, Form, Group

__all__ = ["write_gtkwave_view", "write_surfer_view"]

_TOP = "TOP.hybridmesh_nic"
_CLOCK = f"{_TOP}.clk"

_GTKWAVE = {
    Form.FLAG: "bin",
    Form.NUMBER: "dec",
    Form.SET: "hex",
    Form.LANES: "bin",
    Form.TEXT: "ascii",
}
_ZOOM = -4.0
"""Of GTKWave: a clock is as wide as the text of eight bytes."""

_SURFER = {
    Form.FLAG: "Bit",
    Form.NUMBER: "Unsigned",
    Form.SET: "Hexadecimal",
    Form.LANES: "Binary",
    Form.TEXT: "ASCII",
}
_DIGITS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
"""Surfer counts the items that it shows in hexadecimal digits of its own."""


def write_gtkwave_view(view: Path, waves: Path, groups: Sequence[Group]) -> None:
    """Write *view*, a save file for *waves*; groups of detail are folded."""
    from vcd.gtkw import GTKWSave  # comes with Amaranth, as the NIC did

    with view.open("w", encoding="utf-8") as file:
        save = GTKWSave(file)
        save.dumpfile(str(waves))
        save.treeopen(f"{_TOP}.{SCOPE}")
        save.zoom_markers(_ZOOM)
        save.trace(_CLOCK, datafmt="bin")
        for group in groups:
            with save.group(group.title, closed=group.detail):
                for probe in group.probes:
                    bits = f"[{probe.bits - 1}:0]" if probe.bits > 1 else ""
                    name = f"{_TOP}.{SCOPE}.{probe.name}{bits}"
                    save.trace(name, datafmt=_GTKWAVE[probe.form])


def write_surfer_view(view: Path, waves: Path, groups: Sequence[Group]) -> None:
    """Write *view*, a file of commands that load *waves*; groups of detail are left out."""
    commands = [f"load_file {waves.absolute()}", f"variable_add {_CLOCK}"]
    shown = 1
    for group in groups:
        if group.detail:
            continue
        commands.append(f"divider_add {group.name}")
        shown += 1
        for probe in group.probes:
            commands.append(f"variable_add {_TOP}.{SCOPE}.{probe.name}")
            commands.append(f"item_focus {format(shown, 'x').translate(_DIGITS)}")
            commands.append(f"item_set_format {_SURFER[probe.form]}")
            shown += 1
    commands += ["item_unfocus", "zoom_fit"]
    view.write_text("\n".join(commands) + "\n", encoding="utf-8")

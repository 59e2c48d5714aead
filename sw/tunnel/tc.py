"""Programs at TC, where frames come in by an interface, and where they go out.

A kernel from 6.6 on has links for it. An older one has filters, which stay when who made them is
killed; so a guard removes the filter then.
"""

import errno
import shutil
import socket
import subprocess
from contextlib import ExitStack
from typing import Literal

from .errors import TunnelError
from .kernel import Attach, link
from .libbpf import attach_filter

__all__ = ["Side", "attach_tc"]

Side = Literal["ingress", "egress"]

_SIDES: dict[Side, tuple[int, int]] = {
    "ingress": (Attach.TCX_INGRESS, 1),
    "egress": (Attach.TCX_EGRESS, 2),
}
"""For a link, and for a filter."""

_BEFORE = 1 << 3
"""BPF_F_BEFORE: and before no program in particular, so before all."""

_FIRST, _LAST, _HANDLE = 1, 0xFFFE, 0x484D
"""Priorities of filters, and what tells ours from others of the same."""

_GUARD = 'read x; tc filter del dev "$1" "$2" protocol all pref "$3" handle "$4" bpf'


def attach_tc(
    program: int, interface: str, side: Side, attached: ExitStack, *, first: bool = False
) -> None:
    """Attach *program* to *interface*, before or behind all others, until *attached* is closed.

    Raises
    ------
    OSError
        Where the kernel does not take it.
    TunnelError
        Where the tool to remove a filter is missing.
    """
    number = socket.if_nametoindex(interface)
    for_link, for_filter = _SIDES[side]
    try:
        attached.enter_context(link(program, number, for_link, _BEFORE * first))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    else:
        return
    if shutil.which("tc") is None:
        raise TunnelError("The command tc is missing", remedy="run: apt-get install iproute2")
    priority = _FIRST if first else _LAST
    attached.callback(_guard(interface, side, priority).communicate)
    attach_filter(program, number, for_filter, priority, _HANDLE)


def _guard(interface: str, side: Side, priority: int) -> "subprocess.Popen[bytes]":
    """Removes the filter when its input ends, as it does with this process; no signal that a
    terminal sends comes to it."""
    return subprocess.Popen(
        ["sh", "-c", _GUARD, "guard", interface, side, str(priority), hex(_HANDLE)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

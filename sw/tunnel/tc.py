"""Programs at TC, where frames come in from an interface, in front of all others that are there.

A kernel from 6.6 on has links for it. An older one has filters, which stay when who made them is
killed; so a guard removes the filter then.
"""

import errno
import shutil
import socket
import subprocess
from contextlib import ExitStack

from .errors import TunnelError
from .kernel import Attach, link
from .libbpf import attach_filter

__all__ = ["attach_tc"]

_BEFORE = 1 << 3
"""BPF_F_BEFORE: and before no program in particular, so before all."""

_PRIORITY, _HANDLE = 1, 0x484D
_GUARD = 'read x; tc filter del dev "$1" ingress protocol all pref "$2" handle "$3" bpf'


def attach_tc(program: int, interface: str, attached: ExitStack) -> None:
    """Attach *program* to *interface* until *attached* is closed.

    Raises
    ------
    OSError
        Where the kernel does not take it.
    TunnelError
        Where the tool to remove a filter is missing.
    """
    number = socket.if_nametoindex(interface)
    try:
        attached.enter_context(link(program, number, Attach.TCX_INGRESS, _BEFORE))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    else:
        return
    if shutil.which("tc") is None:
        raise TunnelError("The command tc is missing", remedy="run: apt-get install iproute2")
    attached.callback(_guard(interface).communicate)
    attach_filter(program, number, _PRIORITY, _HANDLE)


def _guard(interface: str) -> "subprocess.Popen[bytes]":
    """Removes the filter when its input ends, as it does with this process; no signal that a
    terminal sends comes to it."""
    return subprocess.Popen(
        ["sh", "-c", _GUARD, "guard", interface, str(_PRIORITY), hex(_HANDLE)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

"""What a machine must have for the kernel's part of the tunnel, and which of it is missing.

Features are tried, not told from the kernel's version.
"""

import os
from pathlib import Path

from .errors import TunnelError
from .libbpf import supports_helper, supports_map, supports_program

__all__ = ["check_features", "check_privileges"]

_NET_ADMIN, _SYS_ADMIN, _BPF = 12, 21, 39
_NAMES = {_NET_ADMIN: "CAP_NET_ADMIN", _BPF: "CAP_BPF"}

_SCHED_CLS, _XDP, _SOCK_OPS, _SK_MSG, _SOCKOPT = 3, 6, 13, 16, 25
_PROGRAMS = {
    _XDP: ("XDP programs", "CONFIG_BPF_SYSCALL"),
    _SCHED_CLS: ("TC programs", "CONFIG_NET_CLS_ACT"),
    _SOCK_OPS: ("sockops programs", "CONFIG_CGROUP_BPF"),
    _SOCKOPT: ("getsockopt programs of a cgroup", "CONFIG_CGROUP_BPF"),
}
_MAPS = {9: "LRU hash maps", 24: "maps kept in sockets", 27: "ring buffers"}
_SOCKHASH = 18
_TCP_SOCK, _SK_STORAGE_GET = 96, 107
_REDIRECT_PEER, _XDP_LOAD_BYTES = 155, 189
_HELPERS = {
    (_XDP, _XDP_LOAD_BYTES): "copies of a frame's bytes in XDP programs",
    (_SOCK_OPS, _SK_STORAGE_GET): "storage of sockets in sockops programs",
    (_SOCKOPT, _SK_STORAGE_GET): "storage of sockets in getsockopt programs",
    (_SOCKOPT, _TCP_SOCK): "the state of TCP in getsockopt programs",
}

_FORWARDING = {
    (_SCHED_CLS, _REDIRECT_PEER): "the way to the other end of an interface in TC programs",
}


def check_privileges() -> None:
    """Raise :exc:`TunnelError` where the process may not load programs."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    effective = int(line.split()[1], 16)
    if effective >> _SYS_ADMIN & 1 and effective >> _NET_ADMIN & 1:
        return
    missing = [name for bit, name in _NAMES.items() if not effective >> bit & 1]
    if missing:
        raise TunnelError(
            f"Loading programs into the kernel takes {' and '.join(missing)}",
            place=f"user {os.geteuid()}",
            remedy="run the tunnel's helper as root; the proxy needs neither",
        )


def check_features(*, shortcut: bool = False, forwarding: bool = False) -> None:
    """Raise :exc:`TunnelError` where the kernel lacks something, with its name."""
    missing = [
        f"{name} ({option})"
        for kind, (name, option) in _PROGRAMS.items()
        if not supports_program(kind)
    ]
    missing += [name for kind, name in _MAPS.items() if not supports_map(kind)]
    helpers = _HELPERS | _FORWARDING if forwarding else _HELPERS
    missing += [name for pair, name in helpers.items() if not supports_helper(*pair)]
    if shortcut and not (supports_program(_SK_MSG) and supports_map(_SOCKHASH)):
        missing.append("messages from socket to socket (CONFIG_BPF_STREAM_PARSER)")
    if missing:
        raise TunnelError(
            f"This kernel lacks {', '.join(missing)}",
            place=f"Linux {os.uname().release}",
            remedy="use a newer kernel, or the gateway without the tunnel",
        )

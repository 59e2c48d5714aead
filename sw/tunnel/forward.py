"""The ways of the gateway's connections between interfaces of the host, past its stack.

Pods come and go, and their interfaces with them: the programs are on all that fit a pattern.
"""

import json
import logging
import socket
import struct
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from fnmatch import fnmatchcase
from pathlib import Path

from .errors import TunnelError
from .programs import Programs
from .tc import attach_tc

__all__ = ["Forwarding"]

_WIRE, _POD = 0, 1
_NUMBER = struct.Struct("=I")
_SYSCTL = Path("/proc/sys")
_LIBERAL = "net.netfilter.nf_conntrack_tcp_be_liberal"

_log = logging.getLogger(__name__)


class Forwarding:
    """Sends frames on between *wire* and the host's ends of pods' interfaces.

    Parameters
    ----------
    programs : Programs
        Those that forward among them.
    wire : str
        The interface that the NIC's frames arrive at.
    patterns : sequence of str
        Names of the host's ends, as shells match files.

    Raises
    ------
    TunnelError
        Where the programs cannot be attached to *wire*, or the host's packet filter would take
        frames that it has not seen all others of for none of a connection.
    """

    def __init__(self, programs: Programs, wire: str, patterns: Sequence[str]) -> None:
        self._forward, self._learn = (programs.descriptor(name) for name in ("forward", "learn"))
        self._legs = programs.map("legs")
        self._patterns = patterns
        self._known: list[tuple[int, str]] = []
        self._attached: dict[int, ExitStack] = {}
        self._wire = socket.if_nametoindex(wire)
        _check_packet_filter()
        try:
            self._attach(self._wire, wire, _WIRE)
        except OSError as error:
            raise TunnelError(
                f"The programs that forward cannot be attached ({error.strerror})", place=wire
            ) from None
        self.refresh()

    @property
    def pods(self) -> int:
        """How many interfaces of pods they are on."""
        return len(self._attached) - 1

    def refresh(self) -> None:
        """See which interfaces have come and gone."""
        known = socket.if_nameindex()
        if known == self._known:
            return
        self._known = known
        ends = self._ends()
        for number in self._attached.keys() - ends.keys() - {self._wire}:
            self._detach(number)
        for number in ends.keys() - self._attached.keys():
            try:
                self._attach(number, ends[number], _POD)
            except OSError as error:
                _log.warning("%s: frames are not forwarded (%s)", ends[number], error.strerror)

    def close(self) -> None:
        for number in list(self._attached):
            self._detach(number)

    def _ends(self) -> dict[int, str]:
        """Interfaces that fit, whose other ends are in other namespaces, by number."""
        done = subprocess.run(["ip", "-json", "-details", "link"], capture_output=True, check=False)
        return {
            link["ifindex"]: link["ifname"]
            for link in json.loads(done.stdout or "[]")
            if link.get("linkinfo", {}).get("info_kind") in ("veth", "netkit")
            and "link_netnsid" in link
            and any(fnmatchcase(link["ifname"], pattern) for pattern in self._patterns)
        }

    def _attach(self, number: int, name: str, kind: int) -> None:
        with ExitStack() as attached:
            attach_tc(self._learn, name, "egress", attached)
            attach_tc(self._forward, name, "ingress", attached)
            self._legs[_NUMBER.pack(number)] = _NUMBER.pack(kind)
            self._attached[number] = attached.pop_all()

    def _detach(self, number: int) -> None:
        del self._legs[_NUMBER.pack(number)]
        self._attached.pop(number).close()


def _check_packet_filter() -> None:
    switch = _SYSCTL.joinpath(*_LIBERAL.split("."))
    if switch.exists() and switch.read_text().strip() == "0":
        raise TunnelError(
            "The host's connection tracking takes frames for invalid when it has not seen all",
            place=_LIBERAL,
            remedy=f"run: sysctl -w {_LIBERAL}=1",
        )

"""The kernel's part of the tunnel: programs loaded, and attached to one interface and one cgroup.

Whoever holds a :class:`Tunnel` is the privileged helper.  Its links end with the process, however
that ends, and so does everything else: nothing is pinned to a file system.
"""

import errno
import fcntl
import logging
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from ..contract.verdict import SHIM
from ..nic.frames import Address
from .cgroup import Cgroup
from .errors import TunnelError
from .kernel import Attach, attach, link
from .programs import Programs

__all__ = ["Mode", "Tunnel"]

Mode = Literal["auto", "native", "generic"]
"""XDP in the interface's driver, or behind it; auto: whichever works, in this order."""

_FLAGS = {"native": 1 << 2, "generic": 1 << 1}
_GET_MTU = 0x8921  # SIOCGIFMTU
_REQUEST = struct.Struct("16si12x")
_WIRE_MTU = 1500
_EXPECTED = struct.Struct("=16s16s4sI")

_log = logging.getLogger(__name__)


class Tunnel:
    """Attaches the kernel's programs.

    Parameters
    ----------
    interface : str
        Where the NIC's frames arrive, in the network namespace of the caller.
    cgroup : Path
        The group that the gateway is started in, whose ports it listens on from then on; made if it
        is not there.
    mode : Mode
    pods : Path or None
        The group that the pods of this node are in, or some of them: between them and the gateway
        messages go from socket to socket.  None: by TCP, as to all others.

    Attributes
    ----------
    cgroup : Path
    mode : Mode
        How XDP runs: native or generic.

    Raises
    ------
    TunnelError
        Where something is missing; nothing stays attached.
    """

    mode: Mode

    def __init__(
        self, interface: str, cgroup: Path, mode: Mode = "auto", pods: Path | None = None
    ) -> None:
        self._links: list[int] = []
        number = _number(interface)
        _check_mtu(interface)
        self._programs = Programs(shortcut=pods is not None)
        self._groups: list[Cgroup] = []
        self.cgroup = cgroup
        try:
            self._attach_to_cgroup(
                cgroup,
                {
                    "sockops": Attach.SOCK_OPS,
                    "getsockopt": Attach.GETSOCKOPT,
                    "setsockopt": Attach.SETSOCKOPT,
                },
            )
            if pods is not None:
                self._attach_shortcut(cgroup, pods)
            self.mode = self._attach_to_interface(interface, number, mode)
        except TunnelError:
            self.close()
            raise

    @property
    def flows(self) -> int:
        """Connections that are followed now."""
        return len(self._programs.flows)

    @property
    def waiting(self) -> int:
        """Verdicts that wait to be asked for now."""
        return len(self._programs.verdicts)

    def expected(self) -> Iterator[tuple[Address, Address, int]]:
        """What the proxy has told since this was asked last: the client's address, the gateway's,
        and a sequence number at which a head begins, for :meth:`.NicDriver.expect_head`."""
        while (head := self._programs.expected.pop()) is not None:
            peer, local, ports, seq = _EXPECTED.unpack(head)
            peer_port, local_port = struct.unpack(">HH", ports)
            yield (str(IPv6Address(peer)), peer_port), (str(IPv6Address(local)), local_port), seq

    def counters(self) -> dict[str, int]:
        """What :class:`~hybridmesh.contract.tunnel.Counter` names, since the tunnel was loaded."""
        return self._programs.counters()

    def close(self) -> None:
        """Detach and unload everything; closing twice is harmless."""
        for descriptor in self._links:
            os.close(descriptor)
        self._links.clear()
        self._programs.close()
        for group in self._groups:
            group.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _attach_to_cgroup(self, path: Path, programs: Mapping[str, int]) -> None:
        cgroup = Cgroup(path)
        self._groups.append(cgroup)
        group = cgroup.open()
        try:
            for name, where in programs.items():
                self._links.append(link(self._programs.descriptor(name), group, where))
        except OSError as error:
            raise TunnelError(
                f"The programs cannot be attached to the cgroup ({error.strerror})",
                place=str(path),
                remedy="another program holds it alone: choose another one",
            ) from None
        finally:
            os.close(group)

    def _attach_shortcut(self, cgroup: Path, pods: Path) -> None:
        programs = self._programs
        # Before there are sockets in the map: each gets the program when it comes in.
        attach(programs.descriptor("skmsg"), programs.map_descriptor("end_sockets"), Attach.SK_MSG)
        for path in dict.fromkeys((cgroup, pods)):
            self._attach_to_cgroup(path, {"ends": Attach.SOCK_OPS})

    def _attach_to_interface(self, interface: str, number: int, mode: Mode) -> Mode:
        program = self._programs.descriptor("xdp")
        modes: list[Mode] = ["native", "generic"] if mode == "auto" else [mode]
        for each in modes:
            try:
                self._links.append(link(program, number, Attach.XDP, _FLAGS[each]))
                return each
            except OSError as error:
                reason = error
            if reason.errno == errno.EBUSY:
                raise TunnelError(
                    "Another XDP program is attached already",
                    place=interface,
                    remedy=f"run: ip link set dev {interface} xdp off",
                )
            if each != modes[-1]:
                _log.warning(
                    "%s: the driver does not run XDP (%s); it runs behind the driver, and slower",
                    interface,
                    reason.strerror,
                )
        raise TunnelError(
            f"XDP cannot be attached in mode {modes[-1]} ({reason.strerror})",
            place=interface,
            remedy="try the other mode, or use the gateway without the tunnel",
        )


def _number(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        raise TunnelError(
            "There is no such network interface",
            place=interface,
            remedy="name one of this network namespace, as ip link lists them",
        ) from None


def _check_mtu(interface: str) -> None:
    """A full frame with a shim must go through, or it is lost without a word."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        answer = fcntl.ioctl(asked, _GET_MTU, _REQUEST.pack(interface.encode(), 0))
    mtu = _REQUEST.unpack(answer)[1]
    if mtu < _WIRE_MTU + SHIM.size:
        raise TunnelError(
            f"An MTU of {mtu} leaves no room for the shim",
            place=interface,
            remedy=f"run: ip link set dev {interface} mtu {_WIRE_MTU + SHIM.size}",
        )

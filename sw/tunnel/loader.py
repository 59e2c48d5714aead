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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from ipaddress import IPv6Address
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from ..contract.verdict import SHIM
from ..nic.frames import Address
from .cgroup import Cgroup
from .errors import TunnelError
from .forward import Forwarding
from .kernel import Attach, attach, link
from .programs import Programs
from .tc import attach_tc

__all__ = ["Mode", "Tunnel"]

Mode = Literal["auto", "native", "generic", "tc"]
"""XDP in the interface's driver, or behind it, or TC behind both; auto: whichever works, in this
order."""

_FLAGS = {"native": 1 << 2, "generic": 1 << 1}
_TAKEN = (errno.EBUSY, errno.EEXIST)
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
    forward : sequence of str
        Patterns of the host's ends of pods' interfaces: between them, and to and from *interface*,
        frames of the gateway's connections go past the host's stack.

    Attributes
    ----------
    cgroup : Path
    mode : Mode
        Where the shim comes off: native, generic or tc.

    Raises
    ------
    TunnelError
        Where something is missing; nothing stays attached.
    """

    mode: Mode

    def __init__(
        self,
        interface: str,
        cgroup: Path,
        mode: Mode = "auto",
        pods: Path | None = None,
        forward: Sequence[str] = (),
    ) -> None:
        self._attached = ExitStack()
        _check_interface(interface)
        self._programs = Programs(shortcut=pods is not None, forwarding=bool(forward))
        self._forwarding: Forwarding | None = None
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
            self.mode = self._attach_to_interface(interface, mode)
            if forward:
                self._forwarding = Forwarding(self._programs, interface, forward)
                self._attached.callback(self._forwarding.close)
        except TunnelError:
            self.close()
            raise

    @property
    def flows(self) -> int:
        """Connections that are followed now."""
        return len(self._programs.flows)

    @property
    def ends(self) -> int:
        """Ends of connections between gateway and pods that are known now."""
        ends = self._programs.ends
        return len(ends) if ends is not None else 0

    @property
    def forwarding(self) -> int:
        """Interfaces of pods that frames are forwarded to."""
        return self._forwarding.pods if self._forwarding is not None else 0

    @property
    def waiting(self) -> int:
        """Verdicts that wait to be asked for now."""
        return len(self._programs.verdicts)

    def expected(self) -> Iterator[tuple[Address, Address, int]]:
        """What the proxy has told since this was asked last: the client's address, the gateway's,
        and a sequence number at which a head begins, for :meth:`.NicDriver.expect_head`."""
        for head in self._programs.expected.take():
            peer, local, ports, seq = _EXPECTED.unpack(head)
            peer_port, local_port = struct.unpack(">HH", ports)
            yield (str(IPv6Address(peer)), peer_port), (str(IPv6Address(local)), local_port), seq

    @property
    def expecting(self) -> int:
        """A file descriptor that can be read from where :meth:`expected` has something."""
        return self._programs.expected.descriptor

    @property
    def arrival(self) -> int:
        """The file descriptor of the program that takes the shims off."""
        return self._programs.descriptor("tc" if self.mode == "tc" else "xdp")

    def counters(self) -> dict[str, int]:
        """What :class:`~hybridmesh.contract.tunnel.Counter` names, since the tunnel was loaded."""
        return self._programs.counters()

    def refresh(self) -> None:
        """See which interfaces of pods have come and gone."""
        if self._forwarding is not None:
            self._forwarding.refresh()

    def close(self) -> None:
        """Detach and unload everything; closing twice is harmless."""
        self._attached.close()
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
                program = self._programs.descriptor(name)
                self._attached.enter_context(link(program, group, where))
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

    def _attach_to_interface(self, interface: str, mode: Mode) -> Mode:
        modes: list[Mode] = ["native", "generic", "tc"] if mode == "auto" else [mode]
        while True:
            each = modes.pop(0)
            try:
                self._attach_program(interface, each)
                return each
            except OSError as error:
                reason = error
            if not modes:
                break
            if reason.errno in _TAKEN:
                modes = ["tc"]
                _log.warning(
                    "%s: another XDP program is attached; the tunnel's runs at TC", interface
                )
            else:
                _log.warning(
                    "%s: no XDP in mode %s (%s); the tunnel's program runs in mode %s, and slower",
                    *(interface, each, reason.strerror, modes[0]),
                )
        raise TunnelError(
            f"The program cannot be attached in mode {each} ({reason.strerror})",
            place=interface,
            remedy=f"run: ip link set dev {interface} xdp off"
            if reason.errno in _TAKEN
            else "try another mode, or use the gateway without the tunnel",
        )

    def _attach_program(self, interface: str, mode: Mode) -> None:
        """Raises :exc:`OSError` where that cannot be done in *mode*."""
        if mode == "tc":
            program = self._programs.descriptor("tc")
            attach_tc(program, interface, "ingress", self._attached, first=True)
        else:
            number = socket.if_nametoindex(interface)
            program = self._programs.descriptor("xdp")
            self._attached.enter_context(link(program, number, Attach.XDP, _FLAGS[mode]))


def _check_interface(interface: str) -> None:
    """A full frame with a shim must go through, or it is lost without a word."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            answer = fcntl.ioctl(asked, _GET_MTU, _REQUEST.pack(interface.encode(), 0))
        except OSError:
            raise TunnelError(
                "There is no such network interface",
                place=interface,
                remedy="name one of this network namespace, as ip link lists them",
            ) from None
    mtu = _REQUEST.unpack(answer)[1]
    if mtu < _WIRE_MTU + SHIM.size:
        raise TunnelError(
            f"An MTU of {mtu} leaves no room for the shim",
            place=interface,
            remedy=f"run: ip link set dev {interface} mtu {_WIRE_MTU + SHIM.size}",
        )

"""Frames through one program alone, without an interface, and what it keeps of them."""

import ctypes
import struct
from ipaddress import ip_address
from typing import Literal, NamedTuple

from hybridmesh.tunnel.kernel import bpf
from hybridmesh.tunnel.programs import Programs

__all__ = ["DROP", "PASS", "Hook", "Kernel", "Kept", "mapped"]

DROP, PASS = 1, 2

Hook = Literal["xdp", "tc"]
_ACTIONS: dict[Hook, dict[int, int]] = {
    "xdp": {1: DROP, 2: PASS},
    "tc": {2: DROP, 2**32 - 1: PASS},
}

_TEST_RUN = 10
_RUN = struct.Struct("=IIIIQQIIIIQQ")
_ROOM = 4096

_FLOW = struct.Struct("=QQQIII32I4x")
_HEAD = struct.Struct("=QQ40s")


class Kept(NamedTuple):
    """What the programs know, in plain words; times of opening are left out."""

    flows: dict[bytes, tuple[int, int, int, int]]
    """By addresses and ports: first sequence number, offsets seen and clear, verdicts kept."""
    verdicts: dict[tuple[bytes, int], tuple[int, bytes]]
    """By addresses and ports, and sequence number: stream offset and shim."""
    unreadable: set[bytes]


class Kernel:
    """The program at *hook* of *programs*, knowing nothing but that *ports* are listened on."""

    def __init__(self, programs: Programs, hook: Hook, *ports: int) -> None:
        self.hook = hook
        self._program = programs.descriptor(hook)
        self._programs = programs
        for name in ("flows", "verdicts", "unreadable", "ports"):
            known = programs.map(name)
            for key in list(known):
                del known[key]
        for port in ports:
            programs.map("ports")[struct.pack("=I", port)] = struct.pack("=I", 1)
        self._before = programs.counters()

    def receive(self, frame: bytes) -> tuple[int, bytes]:
        """What becomes of *frame*, and its bytes then."""
        data = ctypes.create_string_buffer(frame, len(frame))
        out = ctypes.create_string_buffer(_ROOM)
        at = ctypes.addressof
        packed = _RUN.pack(self._program, 0, len(frame), _ROOM, at(data), at(out), 1, 0, 0, 0, 0, 0)
        attributes = ctypes.create_string_buffer(packed, len(packed))
        bpf(_TEST_RUN, attributes)
        _, action, _, size, *_ = _RUN.unpack(attributes.raw)
        return _ACTIONS[self.hook][action], out.raw[:size]

    def expected(self, frame: bytes, inner: bytes) -> bytes:
        """The bytes of *inner* once it has come out of *frame*: at TC the first VLAN tag behind a
        shim is moved beside them, where the kernel has that of any frame."""
        if self.hook == "tc" and frame != inner and inner[12:14] in (b"\x81\x00", b"\x88\xa8"):
            return inner[:12] + inner[16:]
        return inner

    def counters(self) -> dict[str, int]:
        """What was counted, without what is zero."""
        now = self._programs.counters()
        return {name: n - self._before[name] for name, n in now.items() if n - self._before[name]}

    def kept(self) -> Kept:
        flows = {}
        opened = {}
        known = self._programs.flows
        for key in list(known):
            opened[key], seen, clear, first, count, *_ = _FLOW.unpack(known[key])
            flows[key] = (first, seen, clear, count)
        verdicts = {}
        waiting = self._programs.verdicts
        for key in list(waiting):
            flow, seq = key[:36], int.from_bytes(key[36:], "little")
            time, offset, shim = _HEAD.unpack(waiting[key])
            assert time == opened[flow]
            verdicts[flow, seq] = (offset, shim)
        return Kept(flows, verdicts, set(self._programs.map("unreadable")))


def mapped(address: str) -> bytes:
    """*address* in 16 bytes."""
    packed = ip_address(address).packed
    return packed if len(packed) == 16 else b"\0" * 10 + b"\xff\xff" + packed

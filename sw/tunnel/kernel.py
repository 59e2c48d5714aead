"""bpf(2) as far as the tunnel needs it: links that end with the process, and maps.

Numbers and layouts are those of ``linux/bpf.h``, which the kernel keeps for ever.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Attach", "Map", "attach", "bpf", "link", "possible_cpus"]

_SYSCALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
_libc = ctypes.CDLL(None, use_errno=True)

_LOOKUP, _UPDATE, _DELETE, _NEXT_KEY, _PROGRAM_ATTACH, _LINK_CREATE = 1, 2, 3, 4, 8, 28


class Attach:
    """Where a program is attached."""

    SOCK_OPS = 3
    SK_MSG = 7
    GETSOCKOPT = 21
    SETSOCKOPT = 22
    XDP = 37
    TCX_INGRESS = 46
    TCX_EGRESS = 47


def bpf(command: int, attributes: ctypes.Array[ctypes.c_char]) -> int:
    """The system call; raises :exc:`OSError`."""
    number = _SYSCALL.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    result: int = _libc.syscall(number, command, attributes, len(attributes))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


@contextmanager
def link(program: int, target: int, where: int, flags: int = 0) -> Iterator[None]:
    """*program* is attached to *target*, a file descriptor or an interface's number, inside of this
    and as long as the process is there; raises :exc:`OSError`."""
    attributes = struct.pack("=IIII", program, target, where, flags).ljust(64, b"\0")
    descriptor = bpf(_LINK_CREATE, ctypes.create_string_buffer(attributes, len(attributes)))
    try:
        yield
    finally:
        os.close(descriptor)


def attach(program: int, target: int, where: int) -> None:
    """Attach *program* to *target*, a map, for as long as that is there."""
    attributes = struct.pack("=IIII", target, program, where, 0).ljust(64, b"\0")
    bpf(_PROGRAM_ATTACH, ctypes.create_string_buffer(attributes, len(attributes)))


class Map:
    """A map by its file descriptor, which stays the caller's.

    Parameters
    ----------
    key, value : int
        Bytes of a key and of a value, as the kernel hands it out.
    """

    def __init__(self, descriptor: int, key: int, value: int) -> None:
        self._descriptor = descriptor
        self._key = ctypes.create_string_buffer(key)
        self._next = ctypes.create_string_buffer(key)
        self._value = ctypes.create_string_buffer(value)

    def __getitem__(self, key: bytes) -> bytes:
        self._key.raw = key
        if not self._call(_LOOKUP, self._key, self._value):
            raise KeyError(key)
        return self._value.raw

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._key.raw = key
        self._value.raw = value
        self._call(_UPDATE, self._key, self._value)

    def __delitem__(self, key: bytes) -> None:
        self._key.raw = key
        if not self._call(_DELETE, self._key, None):
            raise KeyError(key)

    def __iter__(self) -> Iterator[bytes]:
        """The keys; of those that come and go meanwhile, some."""
        last: ctypes.Array[ctypes.c_char] | None = None
        while self._call(_NEXT_KEY, last, self._next):
            key = self._next.raw
            yield key
            last = self._key
            last.raw = key

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _call(
        self,
        command: int,
        key: ctypes.Array[ctypes.c_char] | None,
        value: ctypes.Array[ctypes.c_char] | None,
    ) -> bool:
        """False: there is no such key, or no next one."""
        at = [ctypes.addressof(buffer) if buffer is not None else 0 for buffer in (key, value)]
        attributes = struct.pack("=IxxxxQQQ", self._descriptor, *at, 0)
        try:
            bpf(command, ctypes.create_string_buffer(attributes, len(attributes)))
        except OSError as error:
            if error.errno == errno.ENOENT:
                return False
            raise
        return True


def possible_cpus() -> int:
    """CPUs for which a per-CPU map keeps a value each."""
    last = Path("/sys/devices/system/cpu/possible").read_text().strip().split(",")[-1]
    return int(last.split("-")[-1]) + 1

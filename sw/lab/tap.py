"""TAP devices: an interface of the kernel whose wire is in this process."""

import errno
import fcntl
import os
import struct
from typing import Protocol

from .namespace import LabError

__all__ = ["Cable", "Tap"]

_SET = 0x400454CA  # TUNSETIFF
_TAP, _BARE = 0x0002, 0x1000  # IFF_TAP, IFF_NO_PI
_REQUEST = struct.Struct("16sH22x")
_LONGEST = 65536
_NAME = 15
"""Bytes of an interface's name, at most."""

_REMEDIES = {
    errno.EPERM: "run this as root",
    errno.EACCES: "run this as root",
    errno.EBUSY: "end what uses that device, or name another",
    errno.EINVAL: "name no interface that is there already and is no TAP device",
}


class Cable(Protocol):
    """An end that frames come out of and go into; see :class:`Tap`."""

    name: str
    descriptor: int

    def read(self) -> bytes | None: ...

    def write(self, frame: bytes) -> None: ...


class Tap:
    """An interface *name* in the calling thread's namespace, down, that ends with the process.

    Where there is a TAP device of that name already, that is taken, and stays.

    Attributes
    ----------
    descriptor : int
        Readable where the kernel has sent a frame.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.descriptor = -1
        if not 0 < len(name.encode()) <= _NAME:
            raise LabError(
                f"The name of an interface has 1 to {_NAME} bytes",
                place=repr(name),
                remedy="name another",
            )
        try:
            self.descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(self.descriptor, _SET, _REQUEST.pack(name.encode(), _TAP | _BARE))
        except OSError as error:
            opened = self.descriptor >= 0
            self.close()
            raise LabError(
                f"A TAP device cannot be made ({error.strerror})",
                place=name if opened else "/dev/net/tun",
                remedy=_REMEDIES.get(error.errno or 0, "run: modprobe tun, as root"),
            ) from None

    def read(self) -> bytes | None:
        """A frame that the kernel has sent; None: there is none."""
        try:
            return os.read(self.descriptor, _LONGEST)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno == errno.EBADFD:  # it is not up yet
                return None
            raise

    def write(self, frame: bytes) -> None:
        """Let the kernel receive *frame*; one that comes while it is down is lost."""
        try:
            os.write(self.descriptor, frame)
        except OSError as error:
            if error.errno not in (errno.EIO, errno.ENOBUFS, errno.EAGAIN):
                raise

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

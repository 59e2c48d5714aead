"""libbpf through ctypes: it reads object files, creates their maps and has the kernel verify their
programs.  What it says when that fails goes into the error.
"""

import ctypes
import errno
import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from .errors import TunnelError

__all__ = ["Object", "Ring", "attach_filter", "supports_helper", "supports_map", "supports_program"]

_POINTER, _INT, _TEXT = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
_FUNCTIONS = {
    "bpf_object__open_file": (_POINTER, _TEXT, _POINTER),
    "bpf_object__load": (_INT, _POINTER),
    "bpf_object__close": (None, _POINTER),
    "bpf_object__find_map_by_name": (_POINTER, _POINTER, _TEXT),
    "bpf_object__next_map": (_POINTER, _POINTER, _POINTER),
    "bpf_object__next_program": (_POINTER, _POINTER, _POINTER),
    "bpf_map__name": (_TEXT, _POINTER),
    "bpf_map__fd": (_INT, _POINTER),
    "bpf_map__reuse_fd": (_INT, _POINTER, _INT),
    "bpf_map__key_size": (ctypes.c_uint32, _POINTER),
    "bpf_map__value_size": (ctypes.c_uint32, _POINTER),
    "bpf_program__fd": (_INT, _POINTER),
    "libbpf_probe_bpf_prog_type": (_INT, _INT, _POINTER),
    "libbpf_probe_bpf_map_type": (_INT, _INT, _POINTER),
    "libbpf_probe_bpf_helper": (_INT, _INT, _INT, _POINTER),
    "libbpf_set_print": (_POINTER, _POINTER),
    "bpf_tc_hook_create": (_INT, _POINTER),
    "bpf_tc_attach": (_INT, _POINTER, _POINTER),
    "ring_buffer__new": (_POINTER, _INT, _POINTER, _POINTER, _POINTER),
    "ring_buffer__epoll_fd": (_INT, _POINTER),
    "ring_buffer__consume": (_INT, _POINTER),
    "ring_buffer__free": (None, _POINTER),
}
_TC_REPLACE = 1
_SAID = 64 * 1024
"""Bytes of a message that are kept: the verifier's is the longest."""


class _Library:
    """The library, loaded when it is used for the first time, and what it said last."""

    def __init__(self) -> None:
        self._loaded: ctypes.CDLL | None = None
        self.said: list[str] = []

    def __call__(self) -> ctypes.CDLL:
        if self._loaded is None:
            try:
                library = ctypes.CDLL("libbpf.so.1", use_errno=True)
                for name, (result, *arguments) in _FUNCTIONS.items():
                    function = getattr(library, name)
                    function.restype, function.argtypes = result, arguments
            except (OSError, AttributeError):
                raise TunnelError(
                    "The library libbpf 1.0 or newer is missing",
                    remedy="run: apt-get install libbpf1",
                ) from None
            printer = ctypes.CFUNCTYPE(_INT, _INT, _TEXT, _POINTER)
            self._printer = printer(self._print)
            library.libbpf_set_print(ctypes.cast(self._printer, _POINTER))
            self._loaded = library
        return self._loaded

    def _print(self, level: int, form: bytes, arguments: int) -> int:
        """*arguments* is a va_list, which C alone can read."""
        if level == 0:
            text = ctypes.create_string_buffer(_SAID)
            ctypes.CDLL(None).vsnprintf(text, ctypes.c_size_t(_SAID), form, _POINTER(arguments))
            self.said.append(text.value.decode(errors="replace"))
        return 0


_library = _Library()


class Object:
    """The programs and maps of one object file, in the kernel.

    Parameters
    ----------
    path : Path
    shared : mapping of str to int
        Maps that are there already, by name; those that it lacks are created.

    Attributes
    ----------
    program : int
        File descriptor of its one program.
    maps : mapping of str to tuple of int
        File descriptor, bytes of a key and of a value.

    Raises
    ------
    TunnelError
        Where the kernel does not take it.
    """

    def __init__(self, path: Path, shared: Mapping[str, int]) -> None:
        self._library = library = _library()
        _library.said.clear()
        self._object = library.bpf_object__open_file(str(path).encode(), None)
        if not self._object:
            raise self._refused(path, ctypes.get_errno())
        for name, descriptor in shared.items():
            found = library.bpf_object__find_map_by_name(self._object, name.encode())
            if found and (code := library.bpf_map__reuse_fd(found, descriptor)):
                raise self._refused(path, -code)
        if code := library.bpf_object__load(self._object):
            raise self._refused(path, -code)
        self.program: int = library.bpf_program__fd(
            library.bpf_object__next_program(self._object, None)
        )
        self.maps: dict[str, tuple[int, int, int]] = {}
        at = library.bpf_object__next_map(self._object, None)
        while at:
            self.maps[library.bpf_map__name(at).decode()] = (
                library.bpf_map__fd(at),
                library.bpf_map__key_size(at),
                library.bpf_map__value_size(at),
            )
            at = library.bpf_object__next_map(self._object, at)

    def close(self) -> None:
        """Let go of program and maps; closing twice is harmless."""
        if self._object:
            self._library.bpf_object__close(self._object)
            self._object = None

    def _refused(self, path: Path, code: int) -> TunnelError:
        self.close()
        why = _reason("".join(_library.said).splitlines()) or os.strerror(code)
        name = errno.errorcode.get(code, str(code))
        return TunnelError(f"The kernel does not take it ({name}: {why})", place=str(path))


class Ring:
    """A ring that a program writes, and this process alone reads.

    Parameters
    ----------
    ring : int
        File descriptor of the map, which stays the caller's.

    Attributes
    ----------
    descriptor : int
        A file descriptor that can be read from where something is in the ring.

    Raises
    ------
    TunnelError
        Where it cannot be mapped.
    """

    def __init__(self, ring: int) -> None:
        self._library = library = _library()
        self._taken: list[bytes] = []
        self._take = ctypes.CFUNCTYPE(_INT, _POINTER, _POINTER, ctypes.c_size_t)(self._one)
        self._ring = library.ring_buffer__new(ring, ctypes.cast(self._take, _POINTER), None, None)
        if not self._ring:
            raise TunnelError(
                f"A ring of the kernel cannot be read ({os.strerror(ctypes.get_errno())})"
            )
        self.descriptor: int = library.ring_buffer__epoll_fd(self._ring)

    def take(self) -> list[bytes]:
        """What has been written since this was asked last."""
        self._library.ring_buffer__consume(self._ring)
        taken, self._taken = self._taken, []
        return taken

    def close(self) -> None:
        """Let go of it; closing twice is harmless."""
        if self._ring:
            self._library.ring_buffer__free(self._ring)
            self._ring = None

    def _one(self, _: int, data: int, size: int) -> int:
        self._taken.append(ctypes.string_at(data, size))
        return 0


def _reason(said: list[str]) -> str:
    """The line that matters: the verifier's last word before its statistics, else the last."""
    for line, following in pairwise(said):
        if following.startswith("processed "):
            return line
    return said[-1].removeprefix("libbpf: ") if said else ""


def supports_program(kind: int) -> bool:
    """Whether the kernel knows programs of type *kind*."""
    return bool(_library().libbpf_probe_bpf_prog_type(kind, None) > 0)


def supports_map(kind: int) -> bool:
    """Whether the kernel knows maps of type *kind*."""
    return bool(_library().libbpf_probe_bpf_map_type(kind, None) > 0)


def supports_helper(program: int, helper: int) -> bool:
    """Whether programs of type *program* may call *helper*."""
    return bool(_library().libbpf_probe_bpf_helper(program, helper, None) > 0)


class _TcHook(ctypes.Structure):
    """struct bpf_tc_hook of libbpf 1.0"""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("interface", _INT),
        ("where", _INT),
        ("parent", ctypes.c_uint32),
    )


class _TcOptions(ctypes.Structure):
    """struct bpf_tc_opts of libbpf 1.0"""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("program", _INT),
        ("flags", ctypes.c_uint32),
        ("number", ctypes.c_uint32),
        ("handle", ctypes.c_uint32),
        ("priority", ctypes.c_uint32),
    )


def attach_filter(program: int, interface: int, side: int, priority: int, handle: int) -> None:
    """Attach *program* as a filter of what comes in from *interface*, *side* 1, or goes out by it,
    *side* 2; it takes the place of one of the same numbers, and stays until it is removed.

    Raises :exc:`OSError`.
    """
    library = _library()
    hook = _TcHook(ctypes.sizeof(_TcHook), interface, side)
    options = _TcOptions(
        ctypes.sizeof(_TcOptions), program, _TC_REPLACE, handle=handle, priority=priority
    )
    code = -library.bpf_tc_hook_create(ctypes.byref(hook))
    if code in (0, errno.EEXIST):
        code = -library.bpf_tc_attach(ctypes.byref(hook), ctypes.byref(options))
    if code:
        raise OSError(code, os.strerror(code))

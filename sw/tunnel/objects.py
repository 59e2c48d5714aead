"""The kernel's programs as object files: C to BPF by clang, once.

The objects are kept under the user's cache directory, named by a hash over all that they are made
of; where they are, no clang is needed.
"""

import hashlib
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from ..contract.export import c_header, tunnel_header
from ..workshop import Workshop, user_cache
from .errors import TunnelError

__all__ = ["ALL", "FORWARDING", "SHORTCUT", "VERDICTS", "built", "objects"]

VERDICTS = ("xdp", "tc", "sockops", "getsockopt", "setsockopt")
"""The programs that bring verdicts to the gateway, one object each."""

SHORTCUT = ("ends", "skmsg")
"""Those that shorten the way between the gateway and pods of the same node."""

FORWARDING = ("forward", "learn")
"""Those which send frames on between the host's interfaces."""

ALL = VERDICTS + SHORTCUT + FORWARDING

_SOURCES = Path(__file__).with_name("bpf")
_SHOP = Workshop("the tunnel", TunnelError)
_INSTALL = "run: apt-get install clang linux-libc-dev"
_FLAGS = ("-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Werror")


def objects() -> dict[str, Path]:
    """The object of each program, built first where it is not there yet.

    Raises
    ------
    TunnelError
        Where clang or the kernel's headers are missing, or the objects cannot be kept.
    """
    return built(_SOURCES, ALL)


def built(sources: Path, names: Sequence[str]) -> dict[str, Path]:
    """The objects of the programs *names* of another folder, which may include the headers here."""
    headers = {"verdict.h": c_header(), "tunnel.h": tunnel_header()}
    target = user_cache() / f"bpf-{_digest(sources, headers)}"
    folder = _SHOP.kept(target, lambda work: _build(work, sources, names, headers))
    return {name: folder / f"{name}.o" for name in names}


def _digest(sources: Path, headers: dict[str, str]) -> str:
    """Hash over all that the objects are made of."""
    digest = hashlib.sha256(f"{sys.byteorder} {_FLAGS}".encode())
    folders = sorted({sources, _SOURCES})
    contents = headers | {path.name: path.read_text() for f in folders for path in f.iterdir()}
    for name, text in sorted(contents.items()):
        digest.update(f"{name} {len(text)}\n{text}".encode())
    return digest.hexdigest()[:16]


def _build(work: Path, sources: Path, names: Sequence[str], headers: dict[str, str]) -> Path:
    clang = shutil.which("clang")
    if clang is None:
        raise TunnelError(
            "The kernel's programs are built with clang, which is missing",
            remedy=_INSTALL,
        )
    for name, text in headers.items():
        (work / name).write_text(text)
    out = work / "objects"
    out.mkdir()
    # Debian keeps asm/types.h in a folder by the machine's name, where clang for BPF does not look.
    machine = Path("/usr/include", sysconfig.get_config_var("MULTIARCH") or "")
    for name in names:
        source = sources / f"{name}.bpf.c"
        command = [clang, *_FLAGS, f"-I{work}", f"-I{_SOURCES}", "-idirafter", str(machine)]
        _SHOP.run(*command, "-c", str(source), "-o", str(out / f"{name}.o"), remedy=_INSTALL)
    return out

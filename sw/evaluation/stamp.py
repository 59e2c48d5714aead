"""Verdicts for a workload's heads, from the golden model, and the program that puts them on frames.

What the NIC does is then neither charged to the gateway's host nor done for nothing: the shims come
in on the wire, and the host takes them off.  The stamping itself is work of the client's core.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..compiler import compile_table
from ..config.model import Mesh
from ..contract.geometry import Geometry
from ..contract.verdict import SHIM, Verdict
from ..errors import HybridMeshError
from ..nic import open_nic
from ..nic.frames import Connection, split
from ..nic.loaded import Loaded, digest
from ..tunnel.kernel import Map
from ..tunnel.libbpf import Object
from ..tunnel.objects import built
from ..tunnel.programs import Programs
from ..tunnel.tc import attach_tc
from .site import EvaluationError

__all__ = ["Golden", "golden_verdicts", "hash_of", "missing", "stamping"]

Golden = tuple[Loaded, Mapping[bytes, Verdict]]
"""What a NIC has been loaded with, and its verdicts by head."""

_SOURCES = Path(__file__).with_name("bpf")
_FACTOR = 0x9E3779B97F4A7C15
_CHUNK = 64
_MASK = (1 << 64) - 1


def missing() -> str:
    """What is missing for stamped verdicts to be brought to a gateway, and the remedy; empty:
    nothing."""
    try:
        Programs().close()
        built(_SOURCES, ["stamp"])
    except HybridMeshError as error:
        return str(error)
    return ""


def golden_verdicts(mesh: Mesh, heads: Iterable[bytes], port: int) -> Golden:
    """What a NIC with the routes of *mesh* says of *heads* to *port*, each the first of its
    connection, and what it has been loaded with."""
    geometry = Geometry()
    compiled = compile_table(mesh.table, geometry)
    verdicts = {}
    with open_nic("reference", geometry) as nic:
        loaded = Loaded(nic.load(compiled.image), digest(compiled.image))
        nic.listen(port)
        for number, head in enumerate(heads):
            connection = Connection(("192.0.2.7", 1024 + number), ("198.51.100.1", port))
            frames = [connection.opening(0), connection.frame(0, head)]
            verdict, _ = split(nic.exchange(frames)[1])
            if verdict is None:
                raise EvaluationError(f"The golden model gives no verdict of {head[:40]!r}")
            verdicts[head] = verdict
    return loaded, verdicts


def hash_of(head: bytes) -> int:
    """As the program has it: over words of eight bytes, filled up to chunks of eight words."""
    value = len(head)
    for at in range(0, len(head) + -len(head) % _CHUNK, 8):
        word = int.from_bytes(head[at : at + 8].ljust(8, b"\0"), sys.byteorder)
        value = (value ^ word) * _FACTOR & _MASK
        value ^= value >> 32
    return value


@contextmanager
def stamping(interface: str, verdicts: Mapping[bytes, Verdict]) -> Iterator[int]:
    """Frames that go out by *interface*, of the caller's network namespace, with one of the heads
    and nothing else bear its verdict until the block ends; gives the program's file descriptor.

    Raises
    ------
    HybridMeshError
        Where the program cannot be built, loaded or attached.
    """
    program = Object(built(_SOURCES, ["stamp"])["stamp"], {})
    with ExitStack() as parts:
        parts.callback(program.close)
        shims = Map(*program.maps["shims"])
        for head, verdict in verdicts.items():
            key = hash_of(head).to_bytes(8, sys.byteorder)
            shims[key] = SHIM.pack(verdict)
        if len(shims) != len(verdicts):
            raise EvaluationError("Two heads have the same hash")
        try:
            attach_tc(program.program, interface, "egress", parts)
        except OSError as error:
            raise EvaluationError(
                f"The program that stamps verdicts cannot be attached ({error.strerror})",
                place=interface,
            ) from None
        yield program.program

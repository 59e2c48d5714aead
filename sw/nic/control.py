"""RegisterControl: what a driver does through a NIC's registers, whatever bus reaches them.

A driver gives the :class:`RegisterBus`; identifying the NIC, loading a table, reading it back, and
reading counters are the same for all of them.
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..contract.geometry import Geometry, Space
from ..contract.registers import COUNTERS, LISTENERS, MAGIC, VERSION, register
from ..contract.table import TableImage
from .error import NicError
from .frames import Connection

__all__ = ["UNTOLD", "RegisterBus", "RegisterControl"]

Words = npt.NDArray[np.uint32]

_POLLS = 10_000
"""Reads of ``status`` until it must have changed: it waits for a frame to end, or for a memory that
no lookup needs.
"""

_SILENT = "The NIC does not read its table back"

UNTOLD = "The frames that come leave no time to tell of a connection"


class RegisterBus(Protocol):
    """Access to 32-bit registers by byte address."""

    def read(self, address: int) -> int: ...

    def write(self, address: int, value: int) -> None: ...

    def write_many(self, address: int, values: Words) -> None:
        """Write all of *values* to the one *address*, in order."""


class RegisterControl:
    """The registers of one NIC.

    Parameters
    ----------
    bus : RegisterBus
    geometry : Geometry
        What the NIC is expected to be.

    Raises
    ------
    NicError
        Where there is no NIC of this register map and geometry on the bus.
    """

    def __init__(self, bus: RegisterBus, geometry: Geometry) -> None:
        self._bus = bus
        self._geometry = geometry
        self._identify()
        self._epoch = self._field("status", "epoch")
        self._image: TableImage | None = None
        self._ports = listeners(())

    def load(self, image: TableImage) -> int:
        """Write *image* to the spare bank, swap the banks, and switch matching on.

        A load that broke off before, whoever began it, leaves no trace.

        Raises
        ------
        NicError
            Where the image is not for this NIC, or did not reach it whole; the table that was in
            use stays in use.
        """
        self.fill(image)
        self._epoch = next_epoch(self._epoch)
        self._write("table_commit", self._epoch)
        self._write("control", register("control").field("match").put(1))
        self._image = image
        return self._epoch

    def fill(self, image: TableImage) -> None:
        """Write *image* to the spare bank alone; the table in use stays in use.

        Raises
        ------
        NicError
            Where the image is not for this NIC, or did not reach it whole.
        """
        check_image(image, self._geometry)
        self._wait("pending", "A frame that the last commit waits for does not end")
        self._write("table_begin", 0)
        checksum = 0
        for space, words in image.words():
            self._write("table_address", space.base)
            self._bus.write_many(register("table_data").address, words)
            checksum = zlib.crc32(space.base.to_bytes(4, "little"), checksum)
            checksum = zlib.crc32(words.astype("<u4").tobytes(), checksum)
        if (arrived := self._read("spare_checksum")) != checksum:
            raise NicError(
                f"The table did not reach the NIC whole: its checksum is 0x{arrived:08x}, not "
                f"0x{checksum:08x}; the table before it stays in use",
                place="spare_checksum",
                remedy="load it again; where that fails too, look after the bus to the NIC",
            )

    def verify(self) -> None:
        """Read the table in use back, word by word.

        Raises
        ------
        NicError
            Where it is not the one that was loaded last, or none was.
        """
        image = check_loaded(self._image)
        if (epoch := self._field("status", "epoch")) != self._epoch:
            raise NicError(
                f"The NIC uses a table of epoch {epoch}, not {self._epoch}",
                place="status.epoch",
                remedy="let one driver alone load tables",
            )
        for space, words in image.words():
            pairs = zip(words.tolist(), self._table(space), strict=True)
            for number, (word, found) in enumerate(pairs):
                if found != word:
                    raise NicError(
                        f"The NIC holds 0x{found:08x} where 0x{word:08x} was loaded",
                        place=f"word {number} of table space {space.name}",
                        remedy="load the table again",
                    )

    def listen(self, *ports: int) -> None:
        self._ports = listeners(ports)
        for listener, port in enumerate(self._ports):
            self._write(f"listen_port_{listener}", port)

    def expect_head(self, connection: Connection, seq: int) -> None:
        """See :meth:`~hybridmesh.nic.driver.NicDriver.expect_head`."""
        flow = self.flow(connection)
        self._wait("telling", UNTOLD)
        self._write("flow_hash", flow)
        self._write("flow_syn", seq - 1 & 0xFFFFFFFF)

    def flow(self, connection: Connection) -> int:
        """The hash that the NIC knows *connection* by.

        Raises :exc:`.NicError` where it does not listen on the connection's port.
        """
        return connection.flow(listener_of(connection, self._ports))

    def counters(self) -> dict[str, int]:
        return {counter.name: self._bus.read(counter.address) for counter in COUNTERS}

    def _table(self, space: Space) -> Iterator[int]:
        """The words of *space* in the bank in use, each read when it is asked for."""
        self._seek(space)
        for _ in range(space.words):
            self._wait("reading", _SILENT)
            yield self._read("read_data")

    def _seek(self, space: Space) -> None:
        """Let ``read_data`` begin with the first word of *space*."""
        self._wait("reading", _SILENT)
        self._write("read_address", register("read_address").field("space").put(space.number))

    def _identify(self) -> None:
        if (magic := self._read("id")) != MAGIC:
            raise NicError(f"No HybridMesh NIC answers: 0x{magic:08x}", place="id")
        if (version := self._read("version")) != VERSION:
            raise NicError(
                f"The NIC has version {version} of the register map, not {VERSION}",
                place="version",
                remedy="use a NIC and a driver of the same release",
            )
        for name in ("geometry_a", "geometry_b", "geometry_c"):
            word = self._read(name)
            for bits in register(name).bits:
                built, expected = bits.get(word), getattr(self._geometry, bits.name)
                if built != expected:
                    raise NicError(
                        f"The NIC is built with {bits.name} {built}, not {expected}", place=name
                    )

    def _read(self, name: str) -> int:
        return self._bus.read(register(name).address)

    def _field(self, name: str, field: str) -> int:
        return register(name).field(field).get(self._read(name))

    def _write(self, name: str, value: int) -> None:
        self._bus.write(register(name).address, value)

    def _wait(self, field: str, complaint: str) -> None:
        """Until *field* of ``status`` is 0."""
        for _ in range(_POLLS):
            if not self._field("status", field):
                return
        raise NicError(complaint, place=f"status.{field}")


def next_epoch(epoch: int) -> int:
    """The epoch after *epoch*: 1 to 65535, then 1 again, as 0 stands for no table."""
    return epoch % 0xFFFF + 1


def listeners(ports: Sequence[int]) -> tuple[int, ...]:
    """*ports*, and 0 for every listener beyond them; raises :exc:`NicError` for what is no port."""
    for port in ports:
        if not 0 <= port <= 0xFFFF:
            raise NicError(f"A TCP port is a number from 0 to 65535, not {port}")
    if len(ports) > LISTENERS:
        raise NicError(f"A NIC listens on at most {LISTENERS} ports, not {len(ports)}")
    return (*ports, *[0] * (LISTENERS - len(ports)))


def listener_of(connection: Connection, ports: Sequence[int]) -> int:
    """The listener of *ports* that *connection* goes to; raises :exc:`NicError` if none does."""
    if not connection.port or connection.port not in ports:
        raise NicError(
            f"The NIC does not listen on TCP port {connection.port}, and follows no connection to "
            "it",
            remedy="listen on it first",
        )
    return ports.index(connection.port)


def check_frames(frames: Sequence[bytes]) -> None:
    if not all(frames):
        raise NicError("A frame must hold at least one byte")


def check_loaded(image: TableImage | None) -> TableImage:
    if image is None:
        raise NicError("No table has been loaded into this NIC", remedy="load one first")
    return image


def check_image(image: TableImage, geometry: Geometry) -> None:
    """Raise :exc:`NicError` where *image* does not fit the tables of *geometry*."""
    if image.geometry.spaces != geometry.spaces:
        raise NicError(
            "The table was compiled for a NIC of another geometry",
            remedy=f"compile it for {geometry}",
        )

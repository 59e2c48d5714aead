"""A NIC's registers over control frames: the register bus, and what a driver does through it.

What moves the frames is a :class:`Link`; what is in them is
:class:`~hybridmesh.nic.inband.InbandClient`'s.
"""

import secrets
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ..contract.geometry import Geometry, Space
from ..contract.inband import OPERATION, Step, read, read_run, write
from ..contract.registers import (
    BOARD_COUNTERS,
    BOARD_REGISTERS,
    COUNTERS,
    LEASE,
    LINKS,
    PORTS,
    REGISTERS,
    register,
)
from ..contract.table import TableImage
from .control import UNTOLD, RegisterControl
from .error import NicError
from .frames import Connection
from .inband import Answer, InbandClient

__all__ = ["InbandBus", "InbandRegisters", "Link", "LinkState"]

Words = npt.NDArray[np.uint32]

_NAMES = {r.address: r.name for r in REGISTERS + BOARD_REGISTERS}

_SPEEDS = (10, 100, 1000)

_TRIES = 100


class Link(Protocol):
    """An interface with a NIC at its other end, and the clock that goes with it."""

    def send(self, frame: bytes) -> None: ...

    def receive(self, until: float) -> bytes | None:
        """The next frame that has come; None where none comes before *until*."""

    def now(self) -> float: ...


class LinkState(NamedTuple):
    """A link of a board, as its PHY tells; all zero where it is down, or the PHY does not tell."""

    up: bool
    megabits: int
    full_duplex: bool


class InbandBus:
    """Registers by control frames; see :class:`~hybridmesh.nic.control.RegisterBus`.

    Every method returns when the NIC has answered, and raises :exc:`NicError` where it does not, or
    refuses.

    Parameters
    ----------
    link : Link
    client : InbandClient
        What goes over *link*.
    """

    def __init__(self, link: Link, client: InbandClient) -> None:
        self._link = link
        self._client = client
        self.check()

    def check(self) -> None:
        """See that the NIC is there, and has not been reset since this began."""
        self.carry_out(())

    def read(self, address: int) -> int:
        return int(self.carry_out([read(address)])[0])

    def write(self, address: int, value: int) -> None:
        self.carry_out([write(address, [value])])

    def write_many(self, address: int, values: Words) -> None:
        most = (self._client.limit - OPERATION.size) // 4
        for at in range(0, len(values), most):
            self.carry_out([write(address, values[at : at + most])])

    def read_many(self, address: int, count: int) -> Iterator[int]:
        """*count* words at the one *address*, each as soon as it is there."""
        most = self._client.limit // 4
        for at in range(0, count, most):
            yield from self.carry_out([read(address, min(most, count - at))]).tolist()

    def read_run(self, address: int, count: int) -> list[int]:
        """The *count* registers from *address* on, as many as one answer holds."""
        words: list[int] = self.carry_out([read_run(address, count)]).tolist()
        return words

    def attempt(self, steps: Sequence[Step]) -> bool:
        """Carry out *steps*, in order; False where the NIC refuses one, and those behind it."""
        return not self._answer(steps).refused

    def carry_out(self, steps: Sequence[Step]) -> Words:
        """The words that *steps* read."""
        answer = self._answer(steps)
        if answer.refused:
            step = steps[answer.done]
            raise NicError(
                f"The NIC refuses operation {answer.done}, {step.code.word} of {step.words} words",
                place=_NAMES.get(step.address, f"register 0x{step.address:03x}"),
                remedy="let one driver alone use the NIC, of the NIC's release",
            )
        return answer.words

    def _answer(self, steps: Sequence[Step]) -> Answer:
        link, client = self._link, self._client
        out: bytes | None = client.request(steps, link.now())
        try:
            while client.deadline is not None:
                if out is not None:
                    link.send(out)
                came = link.receive(client.deadline)
                now = link.now()
                out = None if came is None else client.receive(came, now)
                if out is None:
                    out = client.late(now)
        except BaseException:  # Ctrl-C, or the interface has gone: the driver may have more to say
            client.abandon()
            raise
        answer = client.answer
        assert answer is not None
        return answer


class InbandRegisters(RegisterControl):
    """The registers of whatever NIC answers on *bus*.

    Parameters
    ----------
    bus : InbandBus
    after : int or None
        Epoch behind which the next one is; by default that of the NIC, and a random one where it
        has none: a NIC that was switched off and on must not give a new table an old one's epoch.

    Attributes
    ----------
    geometry : Geometry
        As the NIC says, but for ``flows``, which no register tells and no table depends on.

    Raises
    ------
    NicError
        Where the NIC is not of this release.
    """

    def __init__(self, bus: InbandBus, after: int | None = None) -> None:
        self._frames = bus
        self.geometry = _geometry(bus)
        super().__init__(bus, self.geometry)
        self._epoch = (self._epoch or secrets.randbits(16)) if after is None else after

    def fill(self, image: TableImage) -> None:
        _check_size(image, self.geometry)
        super().fill(image)

    def lease(self, milliseconds: int) -> int:
        """See :meth:`~hybridmesh.nic.ethernet.EthernetNic.lease`."""
        left = LEASE.field("left")
        (before,) = self._frames.carry_out(
            [read(LEASE.address), write(LEASE.address, [left.put(milliseconds)])]
        )
        return left.get(int(before))

    def match(self, on: bool) -> None:
        """See :meth:`~hybridmesh.nic.ethernet.EthernetNic.match`."""
        self._write("control", register("control").field("match").put(on))

    def expect_head(self, connection: Connection, seq: int) -> None:
        """See :meth:`~hybridmesh.nic.driver.NicDriver.expect_head`."""
        steps = [
            write(register("flow_hash").address, [self.flow(connection)]),
            write(register("flow_syn").address, [seq - 1 & 0xFFFFFFFF]),
        ]
        for _ in range(_TRIES):  # it is refused while what was told before is under way
            if self._frames.attempt(steps):
                return
        raise NicError(UNTOLD, place="status.telling")

    def counters(self) -> dict[str, int]:
        """Those of every NIC, and of a board also those that it has besides."""
        found: dict[str, int] = {}
        for group in (COUNTERS, BOARD_COUNTERS)[: 1 + self.is_board]:
            words = self._frames.read_run(group[0].address, len(group))
            found |= {counter.name: word for counter, word in zip(group, words, strict=True)}
        return found

    @cached_property
    def is_board(self) -> bool:
        """Whether it has the registers of a board."""
        return self._frames.attempt([read(LINKS.address)])

    def links(self) -> dict[str, LinkState]:
        """The links of a board by port; none where it is no board."""
        if not self.is_board:
            return {}
        word = self._read(LINKS.name)
        return {port: _link(port, word) for port in PORTS}

    def _table(self, space: Space) -> Iterator[int]:
        self._seek(space)
        return self._frames.read_many(register("read_data").address, space.words)


def _link(port: str, word: int) -> LinkState:
    up, speed, duplex = (
        LINKS.field(f"{port}_{name}").get(word) for name in ("link", "speed", "duplex")
    )
    return LinkState(True, _SPEEDS[speed], bool(duplex)) if up else LinkState(False, 0, False)


def _geometry(bus: InbandBus) -> Geometry:
    names = ("geometry_a", "geometry_b", "geometry_c")
    words = bus.read_run(register(names[0]).address, len(names))
    sizes = {
        bits.name: bits.get(word)
        for name, word in zip(names, words, strict=True)
        for bits in register(name).bits
    }
    try:
        return Geometry(**sizes)
    except ValueError as error:
        raise NicError(
            f"The NIC says that it has sizes that none has: {error}",
            place=names[0],
            remedy="use a NIC and a driver of the same release",
        ) from None


def _check_size(image: TableImage, geometry: Geometry) -> None:
    """Raise :exc:`NicError` where *image* needs a larger NIC than one of *geometry*."""
    for name in ("rows", "hosts", "predicates", "path_bytes", "host_bytes", "header_bytes"):
        wanted, built = getattr(image.geometry, name), getattr(geometry, name)
        if wanted > built:
            raise NicError(
                f"The table is too large for this NIC: it was compiled for {name} {wanted}, and "
                f"the NIC is built with {built}",
                place=name,
                remedy=f"compile it for {name} {built}, or build a NIC with {wanted}",
            )

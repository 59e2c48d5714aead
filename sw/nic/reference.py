"""ReferenceNic: the golden model behind the driver's interface, one frame at a time, in Python.

It gives the frames that the RTL gives, but for the latency in their shims, which is 0: time is
nothing that a model has.
"""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from ..contract.flow import flow_hash
from ..contract.geometry import Geometry
from ..contract.registers import COUNTERS
from ..contract.table import TableImage
from ..contract.verdict import SHIM, Verdict
from ..reference.classifier import classify
from ..reference.flows import Flows, Succession, message_length
from ..reference.lexer import Lexed, lex
from .control import (
    check_frames,
    check_image,
    check_loaded,
    listener_of,
    listeners,
    next_epoch,
)
from .frames import SHORTEST, Connection, find_segment, is_intact, is_spoofed, locate_segment

__all__ = ["ReferenceNic"]


class ReferenceNic:
    """A NIC without hardware; see :class:`~hybridmesh.nic.driver.NicDriver`.

    Parameters
    ----------
    geometry : Geometry
    lexer : callable
        Lexes a payload as :func:`~hybridmesh.reference.lexer.lex` does.
    """

    def __init__(self, geometry: Geometry, lexer: Callable[[bytes], Lexed] = lex) -> None:
        self.geometry = geometry
        self._lex = lexer
        self._image = TableImage(geometry)
        self._epoch = 0
        self._ports = listeners(())
        self._flows = Flows(geometry)
        self._succession = Succession(geometry)
        self._counters = dict.fromkeys((counter.name for counter in COUNTERS), 0)

    def load(self, image: TableImage) -> int:
        check_image(image, self.geometry)
        self._image = image
        self._epoch = next_epoch(self._epoch)
        return self._epoch

    def verify(self) -> None:
        check_loaded(self._image if self._epoch else None)

    def listen(self, *ports: int) -> None:
        self._ports = listeners(ports)

    def expect_head(self, connection: Connection, seq: int) -> None:
        flow = connection.flow(listener_of(connection, self._ports))
        self._flows.opened(flow, seq - 1)

    def exchange(self, frames: Sequence[bytes]) -> list[bytes]:
        check_frames(frames)
        return [out for out in map(self.receive, frames) if out is not None]

    def receive(self, frame: bytes, *, error: bool = False) -> bytes | None:
        """Receive *frame*, with *error* marked bad by the MAC; what the host gets of it, if any."""
        count = self._count
        count("frames_in")
        oversize = len(frame) > self.geometry.max_frame
        dropped = None
        if error and not oversize:
            dropped = "errors"
        elif len(frame) < SHORTEST:
            dropped = "runts"
        elif is_spoofed(frame):
            dropped = "spoofed"
        if dropped or oversize:
            self._lay_aside(frame)
        if dropped is not None:
            count(dropped)
            return None
        if oversize:
            count("oversize")
        verdict = None if oversize else self._verdict(frame)
        count("frames_out")
        if verdict is None:
            count("passed")
            return frame
        count(verdict.state.word)
        return b"".join((frame[:12], SHIM.pack(verdict), frame[12:]))

    def counters(self) -> dict[str, int]:
        return dict(self._counters)

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _verdict(self, frame: bytes) -> Verdict | None:
        segment = find_segment(frame)
        if segment is None or not segment.port or segment.port not in self._ports:
            self._lay_aside(frame)
            return None
        intact = is_intact(frame, segment)
        if not intact:
            self._count("bad_checksum")
        listener = self._ports.index(segment.port)
        addresses = segment.addresses(frame)
        flow = flow_hash(addresses, segment.source, listener)
        if segment.opens:
            self._lay_aside(frame)
            if intact:
                self._flows.opened(flow, segment.seq)
            return None
        payload = frame[segment.start : segment.end]
        connection = (addresses, segment.source, listener)
        head = self._succession.came(connection, self._epoch, segment.seq, payload, intact=intact)
        if not head.intact:
            return None
        lexed = self._lex(head.data)
        place = self._flows.came(flow, head.seq, message_length(head.data, lexed))
        return classify(
            head.data,
            self._image,
            epoch=self._epoch,
            enable=self._epoch != 0,
            listener=listener,
            seq=head.seq,
            place=place,
            lexed=lexed,
        )

    def _lay_aside(self, frame: bytes) -> None:
        """No head goes on behind a listener's payload that is none."""
        shown = frame[: self.geometry.max_frame]
        segment = locate_segment(shown)
        if segment is None or not segment.port or segment.port not in self._ports:
            return
        if segment.start < min(segment.end, len(shown)):
            self._succession.broken()

    def _count(self, name: str) -> None:
        self._counters[name] = self._counters[name] + 1 & 0xFFFFFFFF

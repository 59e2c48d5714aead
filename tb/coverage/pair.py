"""The covered NIC beside its model: what comes out of the one must come out of the other, else none
of it counts."""

from collections.abc import Sequence

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.table import TableImage
from hybridmesh.contract.verdict import SHIM, Verdict
from hybridmesh.nic import ReferenceNic
from hybridmesh.nic.frames import Connection, find_segment, split
from hybridmesh.reference.flows import Succession
from hybridmesh.reference.lexer import Lexed, lex, lex_all

from .build import Built
from .errors import DisagreementError
from .model import Hits
from .nic import Access, CoveredNic, Frame, Pace, Played
from .sampling import Sampler

__all__ = ["Pair"]


def timeless(frame: bytes) -> bytes:
    """*frame* without the latency in its shim, which the model does not know."""
    verdict, rest = split(frame)
    if verdict is None:
        return frame
    return rest[:12] + SHIM.pack(verdict._replace(latency=0)) + rest[12:]


class Pair:
    """A covered NIC and a model in the same state; what they have done is added to *hits*."""

    def __init__(self, geometry: Geometry, built: Built, hits: Hits) -> None:
        self.geometry = geometry
        self.nic = CoveredNic(geometry, built)
        self.sampler = Sampler(geometry, hits)
        self._hits = hits
        self._lexed: dict[bytes, Lexed] = {}
        self._model = ReferenceNic(geometry, self._lex)
        self._ports: tuple[int, ...] = ()
        self._alone = False

    def load(self, image: TableImage) -> None:
        epochs = self.nic.load(image), self._model.load(image)
        _agree("epoch", *epochs)

    def listen(self, *ports: int) -> None:
        self.nic.listen(*ports)
        self._model.listen(*ports)
        self._ports = ports

    def expect_head(self, connection: Connection, seq: int) -> None:
        self.nic.expect_head(connection, seq)
        self._model.expect_head(connection, seq)

    def exchange(
        self,
        frames: Sequence[Frame],
        *,
        up: Sequence[bytes] = (),
        sends: Pace = b"",
        takes: Pace = b"",
        accesses: Sequence[Access] = (),
    ) -> list[bytes | None]:
        """What the host gets of each of *frames*, None where one was dropped.

        The *accesses* must change nothing that a verdict depends on.
        """
        self._lex_before(frames)
        expected = [self._model.receive(frame.data, error=frame.bad) for frame in frames]
        played = self.nic.play(frames, up=up, sends=sends, takes=takes, accesses=accesses)
        got = iter(map(timeless, played.host))
        for number, frame in enumerate(expected):
            if frame is not None:
                _agree(f"frame {number}, {frames[number]}", next(got, None), frame)
        _agree("frames to the host", next(got, None), None)
        _agree("frames to the wire", played.wire, list(up))
        self.sampler.frames(frames, expected, self._ports)
        return expected

    def verdicts(self, frames: Sequence[Frame]) -> list[Verdict | None]:
        """Exchange *frames*; the verdict of each."""
        return [None if frame is None else split(frame)[0] for frame in self.exchange(frames)]

    def play(
        self, frames: Sequence[Frame], *, sends: Pace = b"", accesses: Sequence[Access] = ()
    ) -> Played:
        """Put to the NIC alone what the model does not know the outcome of, such as accesses amid
        *frames*, of which none may be dropped; whoever asks for it checks it."""
        self._alone = True
        played = self.nic.play(frames, sends=sends, accesses=accesses)
        if len(played.host) != len(frames):
            raise DisagreementError(f"{len(played.host)} of {len(frames)} frames come through")
        self.sampler.frames(frames, played.host, self._ports)
        return played

    def hit(self, group: str, *values: str) -> None:
        self._hits.add(f"width{self.geometry.width}_{group}", *values)

    def finish(self) -> None:
        """Compare the counters, and add what the covers and the bus have seen."""
        self.sampler.accesses(self.nic.accesses)
        counters = self.nic.counters()
        if not self._alone:
            _agree("counters", counters, self._model.counters())
        self.sampler.counters(counters)
        self.nic.hits(self._hits)

    def close(self) -> None:
        self.nic.close()

    def _lex_before(self, frames: Sequence[Frame]) -> None:
        """Lex at once most of what the model will want to be lexed."""
        succession, payloads = Succession(self.geometry), {}
        for frame, _ in frames:
            if (segment := find_segment(frame)) is not None and segment.start < segment.end:
                connection = segment.addresses(frame), segment.source, segment.port
                data = frame[segment.start : segment.end]
                head = succession.came(connection, 0, segment.seq, data, intact=True)
                payloads[head.data] = payloads[data] = None
        self._lexed = dict(zip(payloads, lex_all(list(payloads)), strict=True)) if payloads else {}

    def _lex(self, payload: bytes) -> Lexed:
        return self._lexed.get(payload) or lex(payload)


def _agree(what: str, said: object, expected: object) -> None:
    if said != expected:
        shown = [_shown(value) for value in (said, expected)]
        raise DisagreementError(f"The RTL gives {shown[0]}, the model {shown[1]}", place=what)


def _shown(value: object) -> Verdict | object:
    if isinstance(value, bytes):
        verdict, frame = split(value)
        return verdict or frame
    return value

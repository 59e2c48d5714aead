"""Tables that are swapped, written and read back while frames are matched."""

import random
from collections.abc import Sequence

from hybridmesh.contract.registers import register
from hybridmesh.contract.verdict import Reason
from hybridmesh.nic import ReferenceNic
from hybridmesh.nic.frames import split
from tb.lib.traffic import PORT, head, opened, table

from .errors import DisagreementError
from .nic import Access, Frame, Pace, read, write
from .pair import Pair

__all__ = ["run"]

_EPOCH = register("status").field("epoch")


def run(pair: Pair, rng: random.Random, sends: Pace) -> None:
    """Traffic at a pace, and all of that meanwhile."""
    _Tables(pair, rng).run(sends)


class _Tables:
    """Two tables in the two banks of a NIC, in turn by epoch; what is written is there already."""

    def __init__(self, pair: Pair, rng: random.Random) -> None:
        self._pair, self._rng = pair, rng
        geometry = pair.geometry
        self._images = [table(geometry), table(geometry, canary="always")]
        self._words = [
            [(space, words.tolist()) for space, words in image.words()] for image in self._images
        ]
        pair.listen(PORT)
        for image in self._images:
            pair.load(image)
        self._epoch = self._loaded = _EPOCH.get(pair.nic.play(accesses=[read("status")]).read[0])
        self._accesses: list[Access] = []
        self._expected: list[int | None] = []

    def run(self, sends: Pace) -> None:
        pair, rng = self._pair, self._rng
        self._look()
        for _ in range(300):
            rng.choice(
                (self._swap, self._swap, self._write, self._write, self._read, self._switch)
            )()
        self._accesses += [write("control", 1), Access.until_not("reading")]
        heads = [opened(rng, head(rng)) for _ in range(40 * min(pair.geometry.width, 16) + 100)]
        frames = [Frame(frame) for both in heads for frame in both]
        played = pair.play(frames, sends=sends, accesses=self._accesses)
        self._check(heads, played.host, played.read)

    def _swap(self) -> None:
        """Another table, and perhaps the one before again at once."""
        for _ in range(self._rng.choice((1, 1, 2, 3, 12))):
            self._epoch += 1
            self._accesses.append(write("table_commit", self._epoch))
            if pause := self._rng.choice((0, 0, 1, 7, 60)):
                self._accesses.append(Access.pause(pause))
        if self._rng.random() < 0.7:
            self._accesses.append(Access.until_not("pending"))

    def _write(self) -> None:
        """Words into the spare bank, that it holds already; a load may begin amid another.

        A word that is refused does not move the address on, so that more than one come only when no
        swap is pending.
        """
        rng, count = self._rng, self._rng.choice((1, 9))
        space, words = rng.choice(self._words[(self._bank + 1) % 2])
        at = rng.randrange(len(words))
        if count > 1:
            self._accesses.append(Access.until_not("pending"))
        if rng.random() < 0.3:
            self._accesses.append(write("table_begin", 0))
        self._accesses.append(write("table_address", space.base + at))
        self._accesses += [write("table_data", word) for word in words[at : at + count]]
        if rng.random() < 0.1:  # and one where none is
            self._accesses += [write("table_address", 0xFF << 24), write("table_data", 0)]

    def _read(self) -> None:
        """Words of either bank; a swap may come amid that, and then it is open which one."""
        rng, spare = self._rng, self._rng.randrange(2)
        space, words = rng.choice(self._words[(self._bank + spare) % 2])
        at = rng.randrange(len(words))
        self._accesses.append(Access.until_not("reading"))
        self._accesses.append(write("read_address", spare << 31 | space.base | at))
        if rng.random() < 0.2:
            self._accesses.append(write("read_address", 0))  # most often refused
            self._swap()
            return
        for word in words[at : at + rng.choice((1, 3))]:
            self._accesses += [Access.until_not("reading"), read("read_data")]
            self._expected.append(word)

    def _look(self) -> None:
        """A word of each memory, in both banks, when nothing else happens."""
        accesses, expected = [], []
        for spare in (0, 1):
            for space, words in self._words[(self._bank + spare) % 2]:
                accesses.append(Access.until_not("reading"))
                accesses.append(write("read_address", spare << 31 | space.base))
                accesses += [Access.until_not("reading"), read("read_data")]
                expected.append(words[0])
        if self._pair.nic.play(accesses=accesses).read != expected:
            raise DisagreementError("Words that were read back are not those that were written")

    def _switch(self) -> None:
        """Matching off for a while."""
        if self._rng.random() < 0.3:
            pause = Access.pause(self._rng.randrange(40))
            self._accesses += [write("control", 0), pause, write("control", 1)]

    @property
    def _bank(self) -> int:
        """The number of the table in use; the last one that was loaded has number 1."""
        return (self._epoch - self._loaded + 1) % 2

    def _check(self, heads: Sequence[list[bytes]], got: Sequence[bytes], words: list[int]) -> None:
        if words != self._expected:
            raise DisagreementError("Words that were read back are not those that were written")
        models = []
        for image in self._images:
            models.append(ReferenceNic(self._pair.geometry))
            models[-1].listen(PORT)
            models[-1].load(image)
        last = self._loaded
        for (opening, wire), first, frame in zip(heads, got[::2], got[1::2], strict=True):
            verdict, original = split(frame)
            if first != opening or original != wire or verdict is None:
                raise DisagreementError("A frame does not come as it was sent")
            if not last <= verdict.epoch <= self._epoch:
                raise DisagreementError(f"Epoch {verdict.epoch} comes behind {last}")
            last = verdict.epoch
            if verdict.reason == Reason.TABLE_OFF:
                continue
            model = models[(verdict.epoch - self._loaded + 1) % 2]
            said, _ = split(model.exchange([opening, wire])[1])
            assert said is not None
            if verdict._replace(latency=0, epoch=0) != said._replace(epoch=0):
                raise DisagreementError(f"The RTL says {verdict}, the model {said}")

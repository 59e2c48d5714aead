"""What a network does to frames: loses them, sends them twice, changes their order."""

import random
from dataclasses import dataclass

from ..contract.inband import is_control

__all__ = ["Impairment", "Network"]


@dataclass(frozen=True)
class Impairment:
    """Probabilities: for each frame from outside; for each control frame, either way."""

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    control_loss: float = 0.0

    def applied(self, frames: list[bytes], rng: random.Random) -> list[bytes]:
        """What is left of a burst of *frames*; one that is late goes behind the others of it."""
        first: list[bytes] = []
        late: list[bytes] = []
        for frame in frames:
            if rng.random() < self.loss:
                continue
            (late if rng.random() < self.reordering else first).append(frame)
            if rng.random() < self.duplication:
                late.append(frame)
        return first + late


class Network:
    """Does to frames what ``impairment`` says at the time, by the chances of *seed*."""

    def __init__(self, seed: int) -> None:
        self.impairment = Impairment()
        self._rng = random.Random(seed)

    def outside(self, frames: list[bytes]) -> list[bytes]:
        """What is left of a burst of *frames* from outside."""
        return self.impairment.applied(frames, self._rng)

    def loses(self, frame: bytes) -> bool:
        """Whether *frame*, between host and NIC, is lost."""
        return is_control(frame) and self._rng.random() < self.impairment.control_loss

"""What a network does to frames: loses them, sends them twice, changes their order."""

import random
from dataclasses import dataclass

__all__ = ["Impairment"]


@dataclass(frozen=True)
class Impairment:
    """Probabilities, for each frame from outside."""

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0

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

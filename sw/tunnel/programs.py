"""The kernel's programs with the maps that they share, loaded and not yet attached."""

from types import TracebackType
from typing import Self

from ..contract.tunnel import Counter
from .errors import TunnelError
from .features import check_features, check_privileges
from .kernel import Map, possible_cpus
from .libbpf import Object
from .objects import PROGRAMS, objects

__all__ = ["Programs"]

_WORD = 8


class Programs:
    """Loads all programs.

    Attributes
    ----------
    flows, verdicts : Map
        Connections that are followed, and verdicts that wait to be asked for.

    Raises
    ------
    TunnelError
        Where a tool, a capability or a feature of the kernel is missing.
    """

    def __init__(self) -> None:
        self._objects: dict[str, Object] = {}
        check_privileges()
        paths = objects()
        try:
            for name in PROGRAMS:
                self._objects[name] = Object(paths[name], self._shared())
        except TunnelError:
            self.close()
            check_features()
            raise
        cpus = possible_cpus()
        self._counters = self._map("counters", cpus)
        self.flows = self._map("flows")
        self.verdicts = self._map("verdicts")

    def descriptor(self, name: str) -> int:
        """The file descriptor of the program *name*."""
        return self._objects[name].program

    def map(self, name: str) -> Map:
        """The map *name*, one value a key."""
        return self._map(name)

    def counters(self) -> dict[str, int]:
        """The sums over all CPUs, by name."""
        sums = {}
        for counter in Counter:
            values = self._counters[counter.to_bytes(4, "little")]
            words = memoryview(values).cast("Q")
            sums[counter.word] = sum(words)
        return sums

    def close(self) -> None:
        """Let go of programs and maps; closing twice is harmless."""
        for loaded in self._objects.values():
            loaded.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _shared(self) -> dict[str, int]:
        """The maps of the first object: the others take them over."""
        first = self._objects.get(PROGRAMS[0])
        return {} if first is None else {name: m[0] for name, m in first.maps.items()}

    def _map(self, name: str, values: int = 1) -> Map:
        descriptor, key, value = self._objects[PROGRAMS[0]].maps[name]
        return Map(descriptor, key, value * values)

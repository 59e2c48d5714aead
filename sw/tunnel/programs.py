"""The kernel's programs with the maps that they share, loaded and not yet attached."""

from contextlib import ExitStack, closing
from types import TracebackType
from typing import Self

from ..contract.tunnel import Counter
from .errors import TunnelError
from .features import check_features, check_privileges
from .kernel import Map, possible_cpus
from .libbpf import Object, Ring
from .objects import FORWARDING, SHORTCUT, VERDICTS, objects

__all__ = ["Programs"]

_WORD = 8


class Programs:
    """Loads the programs.

    Parameters
    ----------
    shortcut, forwarding : bool
        Those of the shortcut, that which forwards, too.

    Attributes
    ----------
    flows, verdicts : Map
        Connections that are followed, and verdicts that wait to be asked for.
    ends : Map or None
        Ends of connections between gateway and pods, where these programs are loaded.
    expected : Ring
        Heads whose places the proxy has told.

    Raises
    ------
    TunnelError
        Where a tool, a capability or a feature of the kernel is missing.
    """

    def __init__(self, *, shortcut: bool = False, forwarding: bool = False) -> None:
        self._objects: dict[str, Object] = {}
        self._maps: dict[str, tuple[int, int, int]] = {}
        self._parts = ExitStack()
        check_privileges()
        paths = objects()
        try:
            for name in VERDICTS + SHORTCUT * shortcut + FORWARDING * forwarding:
                shared = {known: members[0] for known, members in self._maps.items()}
                self._objects[name] = loaded = Object(paths[name], shared)
                self._parts.callback(loaded.close)
                self._maps = loaded.maps | self._maps
        except TunnelError:
            self.close()
            check_features(shortcut=shortcut, forwarding=forwarding)
            raise
        self._counters = self.map("counters", possible_cpus())
        self.flows = self.map("flows")
        self.verdicts = self.map("verdicts")
        self.expected = self._parts.enter_context(closing(Ring(self.map_descriptor("expected"))))
        self.ends = self.map("ends") if shortcut or forwarding else None

    def descriptor(self, name: str) -> int:
        """The file descriptor of the program *name*."""
        return self._objects[name].program

    def map(self, name: str, values: int = 1) -> Map:
        """The map *name*, which has so many *values* a key."""
        descriptor, key, value = self._maps[name]
        return Map(descriptor, key, value * values)

    def map_descriptor(self, name: str) -> int:
        """The file descriptor of the map *name*."""
        return self._maps[name][0]

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
        self._parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

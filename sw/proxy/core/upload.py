"""A request's body: what is to be sent with the next attempt, and how much of it is kept."""

from .ports import Buffer

__all__ = ["BODY_BUFFER", "Upload"]

BODY_BUFFER = 1024 * 1024
"""Bytes of a request's body kept for another attempt, as Envoy's ``per_connection_buffer_limit``;
a longer one is sent once.  Also what may wait for a connection to open."""

SMALL = 16 * 1024
"""Up to here joining two pieces is cheaper than writing them one by one."""


class Upload:
    """The pieces that have come.

    Attributes
    ----------
    kept : bool
        All of the body so far is here: it can be sent again.
    """

    __slots__ = ("_pieces", "_size", "kept")

    def __init__(self, pieces: list[Buffer]) -> None:
        self._pieces = pieces
        self._size = sum(map(len, pieces))
        self.kept = True

    @property
    def full(self) -> bool:
        """More than is kept."""
        return self._size > BODY_BUFFER

    def add(self, pieces: list[Buffer]) -> None:
        self._pieces += pieces
        self._size += sum(map(len, pieces))

    def behind(self, head: bytes) -> list[Buffer]:
        """What is to be written, *head* first."""
        if self._size <= SMALL:
            return [b"".join((head, *self._pieces))]
        return [head, *self._pieces]

    def forget(self) -> None:
        """It is on its way and will not be sent again."""
        self.kept = False
        self._pieces = []
        self._size = 0

"""A request's head: as it came, what is known of it, and as it goes on to the pod."""

from hybridmesh.contract.verdict import Verdict
from hybridmesh.reference.head import Head

__all__ = ["Request"]


class Request:
    """One head.

    What is asked of it is looked up in the bytes when it is asked for: most requests go by without
    a question.

    Parameters
    ----------
    raw : bytes
        As it came.
    verdict : Verdict or None
        What the NIC said of it.
    head : Head or None
        Parsed; None where it goes on unparsed.
    prefix : bytes
        For the pod, but for the lines of the route and of the attempt.
    head_only : bool
        Whether the method is HEAD.
    minor : int
        The client's HTTP version is 1.minor.
    upgrade : bool
        The client asks for another protocol that goes on to the pod: whatever comes behind the head
        is of that, or of nobody if the pod declines.
    """

    __slots__ = ("head", "head_only", "minor", "prefix", "raw", "upgrade", "verdict")

    def __init__(
        self,
        raw: bytes,
        verdict: Verdict | None,
        head: Head | None,
        prefix: bytes,
        *,
        head_only: bool,
        minor: int,
        upgrade: bool = False,
    ) -> None:
        self.raw = raw
        self.verdict = verdict
        self.head = head
        self.prefix = prefix
        self.head_only = head_only
        self.minor = minor
        self.upgrade = upgrade

    @property
    def method(self) -> str:
        return self._line()[0]

    @property
    def target(self) -> str:
        """As it came."""
        return self._line()[1]

    @property
    def protocol(self) -> str:
        return self._line()[2]

    @property
    def path(self) -> str:
        """Normalised, with its query: as the pod gets it unless a route rewrites it."""
        return self.target if self.head is None else self.head.origin_form

    @property
    def authority(self) -> str | None:
        if self.head is not None:
            return self.head.authority
        return self.value("host")

    def value(self, name: str) -> str | None:
        """Value of the field *name* (lower case), repeated lines joined with ``,``."""
        if self.head is not None:
            return self.head.value(name)
        start = self.raw.lower().find(b"\r\n%b:" % name.encode())
        if start < 0:
            return None
        line = self.raw[start + 2 :].partition(b"\r\n")[0]
        return line[len(name) + 1 :].strip(b" \t").decode("latin-1")

    def added(self, name: str) -> str | None:
        """Value of a line that the gateway has put into the head for the pod."""
        _, found, rest = self.prefix.rpartition(b"\r\n%b: " % name.encode())
        return rest.partition(b"\r\n")[0].decode("latin-1") if found else None

    def _line(self) -> list[str]:
        """The request line's three words; empty where it has not three."""
        words = self.raw.lstrip(b"\r\n").partition(b"\r\n")[0].decode("latin-1").split(" ")
        return words if len(words) == 3 else ["", "", ""]

"""A request's head: as it came, what is known of it, and as it goes on to the pod."""

from hybridmesh.config.model import Route
from hybridmesh.contract.verdict import Verdict
from hybridmesh.reference.head import Head

from .action import lines
from .edge import Address
from .framing import Framing

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
        Parsed; None where it goes on unparsed, or cannot be read.
    prefix : bytes
        For the pod, but for the lines of the route and of the attempt; empty: it goes nowhere.
    route : Route or None
        That it takes; None: there is none.
    framing : Framing or None
        Of its body, if it has one.
    head_only : bool
        Whether the method is HEAD.
    followed : bool
        The NIC knows where the next head begins.
    keep_alive : bool
        The client lets the connection persist.
    minor : int
        The client's HTTP version is 1.minor.
    upgrade : bool
        The client asks for another protocol that goes on to the pod: whatever comes behind the head
        is of that, or of nobody if the pod declines.
    client : Address or None
        Where a trusted proxy says that the client is; None: at the other end of the connection.
    """

    __slots__ = (
        "client",
        "followed",
        "framing",
        "head",
        "head_only",
        "keep_alive",
        "minor",
        "prefix",
        "raw",
        "route",
        "upgrade",
        "verdict",
    )

    def __init__(
        self,
        raw: bytes,
        verdict: Verdict | None,
        head: Head | None,
        prefix: bytes = b"",
        route: Route | None = None,
        framing: Framing | None = None,
        *,
        head_only: bool = False,
        followed: bool = False,
        keep_alive: bool = True,
        minor: int = 1,
        upgrade: bool = False,
        client: Address | None = None,
    ) -> None:
        self.raw = raw
        self.verdict = verdict
        self.head = head
        self.prefix = prefix
        self.route = route
        self.framing = framing
        self.head_only = head_only
        self.followed = followed
        self.keep_alive = keep_alive
        self.minor = minor
        self.upgrade = upgrade
        self.client = client

    @property
    def line(self) -> list[str]:
        """The request line's three words; empty where it has not three."""
        raw = self.raw
        start = 0
        while raw.startswith(b"\r\n", start):
            start += 2
        end = raw.find(b"\r\n", start)
        words = raw[start : end if end >= 0 else len(raw)].decode("latin-1").split(" ")
        return words if len(words) == 3 else ["", "", ""]

    @property
    def method(self) -> str:
        return self.line[0]

    @property
    def target(self) -> str:
        """As it came."""
        return self.line[1]

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
        return lines.value(self.raw, name) or None

    def added(self, name: str) -> str | None:
        """Value of a line that the gateway has put into the head for the pod."""
        _, found, rest = self.prefix.rpartition(b"\r\n%b: " % name.encode())
        return rest.partition(b"\r\n")[0].decode("latin-1") if found else None

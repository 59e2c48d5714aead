"""The responses of one client's connection, as they are written: one after the other."""

from .clock import Clock
from .ports import Buffer, Port
from .reply import SERVER
from .upload import SMALL

__all__ = ["ResponseWriter"]


class ResponseWriter:
    """Gives heads the gateway's own lines, and bodies the coding that the client can read."""

    __slots__ = ("_clock", "_port", "_wraps")

    def __init__(self, port: Port, clock: Clock) -> None:
        self._port = port
        self._clock = clock
        self._wraps = False

    def begin(
        self,
        head: bytes,
        last: bytes,
        body: list[Buffer],
        *,
        dated: bool,
        wraps: bool = False,
        done: bool,
    ) -> None:
        """The response's *head*, its *last* lines, and what there is of its body.

        Parameters
        ----------
        dated : bool
            The head says when it was made.
        wraps : bool
            The body goes out in chunks, which it does not come in.
        done : bool
            This is all of the body.
        """
        date = b"" if dated else b"date: %b\r\n" % self._clock.date()
        head = b"%b%bserver: %b\r\n%b\r\n" % (head, date, SERVER, last)
        self._wraps = wraps
        if not wraps and len(body) == 1 and len(body[0]) <= SMALL:
            self._port.write(head + body[0])
        else:
            self._port.write(head)
            if body or wraps:
                self.forward(body, done=done)

    def forward(self, body: list[Buffer], *, done: bool) -> None:
        """More of the body, and whether it ends here."""
        write = self._port.write
        for piece in body:
            if self._wraps:
                write(b"%x\r\n" % len(piece))
                write(piece)
                write(b"\r\n")
            else:
                write(piece)
        if done and self._wraps:
            write(b"0\r\n\r\n")

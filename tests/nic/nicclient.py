"""Clients of a NIC: they open connections, send, and hear in a word what the NIC says of it."""

from hybridmesh.contract.verdict import Reason
from hybridmesh.nic import NicDriver
from hybridmesh.nic.frames import Address, Connection, split

__all__ = ["HEAD", "PEER", "SERVER", "WIRE", "Client", "first", "said"]

HEAD = b"GET /api/products HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"
PEER, SERVER = ("192.0.2.7", 40000), ("198.51.100.1", 80)
WIRE = Connection(PEER, SERVER)


def first(nic: NicDriver, payload: bytes = HEAD, seq: int = 1) -> bytes:
    """What the host gets of *payload*, the first bytes of a connection."""
    _, out = nic.exchange([WIRE.opening(seq), WIRE.frame(seq, payload)])
    return out


def said(frame: bytes) -> str:
    """Of a frame that the host got: "decided", a reason why not, or "passed"."""
    verdict, _ = split(frame)
    if verdict is None:
        return "passed"
    return "decided" if verdict.usable else Reason(verdict.reason).word


class Client:
    """One client's connection through *nic*.

    Attributes
    ----------
    seq : int
        Sequence number of the next byte.
    """

    def __init__(
        self,
        nic: NicDriver,
        peer: Address = PEER,
        server: Address = SERVER,
        *,
        seq: int = 1000,
        opens: bool = True,
    ) -> None:
        self.nic = nic
        self.wire = Connection(peer, server)
        self.seq = seq
        if opens:
            assert self.open() == "passed"

    def open(self) -> str:
        """Send a SYN, as if the connection began here."""
        return self.put(self.wire.opening(self.seq))

    def send(self, payload: bytes) -> str:
        """Send the next bytes."""
        self.seq += len(payload)
        return self.again(payload)

    def again(self, payload: bytes, back: int = 0) -> str:
        """Send *payload*, the last bytes but *back*, which went before."""
        return self.put(self.wire.frame(self.seq - back - len(payload), payload))

    def is_told(self) -> None:
        """Tell the NIC that a head begins with the next byte."""
        self.nic.expect_head(self.wire, self.seq)

    def put(self, frame: bytes) -> str:
        """Send *frame* as it is."""
        (out,) = self.nic.exchange([frame])
        return said(out)

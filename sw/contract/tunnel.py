"""The tunnel's seam: how a process asks the kernel's programs for a verdict, what they count."""

import enum

__all__ = ["SOCKET_LEVEL", "Counter"]

SOCKET_LEVEL = 0x484D
"""Level of the socket option: ``getsockopt(SOCKET_LEVEL, offset)`` on a connection gives the shim's
bytes of the head at *offset* of the stream, modulo 2**32, and one zero byte where there is none.
``setsockopt(SOCKET_LEVEL, offset, 0)`` says that a head begins there."""


class Counter(enum.IntEnum):
    """What the kernel's programs count, from the time that they were loaded."""

    SHIMS = 0
    MALFORMED = 1
    RECORDED = 2
    UNPLACED = 3
    UNKNOWN_FLOW = 4
    DOUBTED = 5
    UNREADABLE = 6
    OPENED = 7
    CLOSED = 8
    ANSWERED = 9
    MISSED = 10
    SHORTCUTS = 11
    PLAIN = 12
    EXPECTED = 13
    USABLE = 14
    FORWARDED = 15

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_MEANINGS = {
    Counter.SHIMS: "frames that were relieved of a shim",
    Counter.MALFORMED: "frames dropped because their shim is cut off or holds no verdict",
    Counter.RECORDED: "verdicts kept for a socket",
    Counter.UNPLACED: "verdicts thrown away: not of a head that ends in the frame's payload",
    Counter.UNKNOWN_FLOW: "verdicts thrown away: the connection's SYN was not seen",
    Counter.DOUBTED: "verdicts thrown away: not all bytes of the head came once, and in order",
    Counter.UNREADABLE: "frames of TCP in fragments or behind odd headers; no verdict counts "
    "between their addresses any more",
    Counter.OPENED: "connections of the gateway's cgroup whose SYN was seen",
    Counter.CLOSED: "such connections that have ended",
    Counter.ANSWERED: "verdicts given to the proxy",
    Counter.MISSED: "times that the proxy asked and there was none",
    Counter.SHORTCUTS: "messages between gateway and pods that were put into the other's socket",
    Counter.PLAIN: "ends of connections between them that have begun to send by TCP",
    Counter.USABLE: "of the verdicts given, those that were decided or provisional",
    Counter.FORWARDED: "frames of the gateway's connections sent on between interfaces of the host "
    "past its stack",
    Counter.EXPECTED: "times that the proxy said where a head begins that the NIC cannot know",
}

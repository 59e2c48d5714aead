"""Amaranth layouts of what the contract describes, and of what travels between the RTL's parts.

Where they stand in the flow::

    wire_rx ─packet_beat─▶ FrameWalker ─payload_beat─▶ Joiner ─payload_beat─▶ VerdictEngine
               │                                              ┌──frame_verdict─────┘   ▲
               │                                              ▼                     FlowGuard
               └── packet FIFO ─packet_beat───────────▶ ShimInserter

The verdict engine takes ``i`` (payload beats), ``table`` (TableWrite) and ``now`` (16-bit clock
count), and gives ``o`` (frame verdicts) a fixed ``latency`` after each beat with ``last``; ``i``
and ``o`` are streams that are always ready.
"""

from amaranth.hdl import Cat, Const, Value, ValueLike
from amaranth.lib import data
from amaranth.lib.wiring import In, Out, Signature

from hybridmesh.contract.flow import HASH_BITS
from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import Mark
from hybridmesh.contract.record import Record
from hybridmesh.contract.verdict import SHIM, Reason

__all__ = [
    "Connection",
    "FrameInfo",
    "TableRead",
    "TableWrite",
    "frame_verdict",
    "lexed_beat",
    "packet_beat",
    "payload_beat",
    "wire_vector",
]


def packet_beat(width: int) -> data.StructLayout:
    """One beat of a packet stream, as in AXI4-Stream.

    Members
    -------
    data : 8 * width
        Lane 0 (bits 7:0) is the first byte on the wire.
    keep : width
        Lanes that hold a byte: all of them, but for the last beat, where they are the lowest ones
        and at least one.
    last : 1
        Last beat of the frame.
    error : 1
        With ``last``: the frame is bad and counts for nothing (TUSER, as MACs have it).
    """
    return data.StructLayout({"data": 8 * width, "keep": width, "last": 1, "error": 1})


FrameInfo = data.StructLayout(
    {
        "candidate": 1,  # a TCP segment to a listener with payload, whole in max_frame, not dropped
        "opens": 1,  # instead: the first one of a connection to a listener
        "listener": 4,  # the listener that it is sent to
        "drop": 1,  # it speaks for the NIC, is bad, or a runt
        "enable": 1,  # a table is loaded and matching is switched on
        "epoch": 16,  # epoch of the bank that this frame is matched in
        "joined": 1,  # its payload goes on where the one before left off
        "seq": 32,  # TCP sequence number of the payload, behind the joiner of the head
        "flow": HASH_BITS,  # hash of the connection
        "arrival": 16,  # clock (modulo 2**16) at which the frame's first beat was accepted
    }
)
"""What the walker knows of a frame; valid in the beat with ``last``."""


Connection = data.StructLayout({"ipv4": 1, "addresses": 256, "port": 16, "listener": 4})
"""A connection's addresses, the client's port and the listener."""


def payload_beat(geometry: Geometry) -> data.StructLayout:
    """One beat of a frame as the verdict engine sees it; a valid-only stream, never stalled.

    Members
    -------
    data : 8 * width
    mask : width
        Lanes that hold TCP payload of a frame that may still be a candidate: one contiguous run in
        a beat, and contiguous from beat to beat; no lane of headers, padding or of anything after
        ``last``.
    offset : 16
        Offset in the TCP payload, or in the head that it goes on with, of the byte in lane 0,
        modulo 2**16: lane n holds byte ``offset + n`` where its mask is set.
    bank : 1
        Table bank that this frame is matched in; the same in every beat of a frame.
    first : 1
        First beat of a frame; behind the joiner, of a head.
    last : 1
        Beat at which the verdict is asked for: the frame's last, or the one that reaches
        ``max_frame``; the rest of such a frame is not shown.  What this beat changes counts for the
        verdict alone, not for beats after it: they begin anew, or bring its bytes once more.
    info : FrameInfo
    """
    width = geometry.width
    return data.StructLayout(
        {
            "data": 8 * width,
            "mask": width,
            "offset": 16,
            "bank": 1,
            "first": 1,
            "last": 1,
            "info": FrameInfo,
        }
    )


def frame_verdict() -> data.StructLayout:
    """What becomes of a frame; exactly one for each frame, in order.

    Members
    -------
    insert : 1
        Insert the shim after the MAC addresses.
    drop : 1
        Drop the whole frame.
    shim : 320
        The shim's bytes, lane 0 first, where ``insert`` is set.
    """
    return data.StructLayout({"insert": 1, "drop": 1, "shim": 8 * SHIM.size})


TableWrite = Signature(
    {
        "en": Out(1),
        "bank": Out(1),  # the spare bank at the time of writing
        "space": Out(8),  # number of the table space
        "word": Out(24),  # 32-bit word within it
        "data": Out(32),
    }
)
"""A word for a table memory; one a clock, never stalled."""


TableRead = Signature(
    {
        "en": Out(1),  # stands, and all that is asked with it, until the clock with done
        "bank": Out(1),
        "space": Out(8),
        "word": Out(24),
        "done": In(1),
        "data": In(32),  # zero but with done, so that the answers of many parts are ORed
    }
)
"""A word of a table memory, as :data:`TableWrite` names it.

A memory answers in a clock in which no lookup needs it.  After ``done``, ``en`` is low for a clock
at least.  Nobody answers for a word that the geometry does not have, so nobody may ask for one.
"""


def wire_vector(record: Record, values: dict[str, ValueLike]) -> Value:
    """The bytes of *record* as a vector, lane 0 the first on the wire (network byte order).

    *values* gives an Amaranth value for each field, truncated or zero-extended to the field;
    raises :exc:`KeyError` where one has none.
    """
    lanes = []
    for field in record.fields:
        value = Value.cast(values[field.name]).as_unsigned()
        bits = Cat(value, Const(0, field.bits))[: field.bits]
        lanes += [bits[low : low + 8] for low in reversed(range(0, field.bits, 8))]
    return Cat(lanes)


def lexed_beat(geometry: Geometry) -> data.StructLayout:
    """One beat after the lexer: the payload beat, and what the grammar says of its bytes.

    Members beyond those of :func:`payload_beat`, one bit per lane each
    -------
    marks : array of width
        By :class:`~hybridmesh.contract.grammar.Mark`, the lanes where it stands; in the head alone.
    rules : array of width
        By :class:`~hybridmesh.contract.verdict.Reason`, the lanes where a rule with it holds.
    methods : array of width
        By bit of a method's code, the lanes where a method with it is known.
    token : width
        The lane of the payload's first byte, if it may begin a request (a tchar).
    """
    lanes = geometry.width
    return data.StructLayout(
        {
            **payload_beat(geometry).members,
            "marks": data.ArrayLayout(lanes, len(Mark)),
            "rules": data.ArrayLayout(lanes, len(Reason)),
            "methods": data.ArrayLayout(lanes, 4),
            "token": lanes,
        }
    )

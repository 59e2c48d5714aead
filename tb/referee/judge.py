"""Where a verdict of the NIC and the referees are of two opinions.

llhttp is the referee of heads that the NIC decides, or finds provisional.  It must accept them with
none of its leniencies, and read in them what the verdict says.  That it accepts more than the NIC
does is fine.

The proxy's own parser is the referee of two things that are said to the proxy alone.  A head
without ``touch`` goes on unparsed, so it must be one that the parser would have accepted.  One that
is malformed must be refused, as it is the parser that answers 400; llhttp may take it, as it does a
second Host.
"""

from hybridmesh.contract.verdict import Flag, Method, Reason, State, Verdict
from hybridmesh.reference.head import HeadError, find_end, parse

from .llhttp import Reading, RefusedError, ends_after, is_message_end, read

__all__ = ["complaints", "framing_complaints", "start_complaints"]

_LONGEST_HOST = 255
"""What a verdict says of a host that is as long or longer."""


def complaints(verdict: Verdict | None, data: bytes, behind: bytes = b"") -> list[str]:
    """What the referees have against *verdict* of the head that *data* begins with.

    *data* is what the NIC had seen of the stream from that head on, *behind* what came later.
    """
    if verdict is None or verdict.state is State.UNDECIDED:
        return []
    if verdict.state is State.MALFORMED:
        return _malformed(verdict, data, behind)
    try:
        reading = read(data)
    except RefusedError as refused:
        return [f"llhttp refuses it: {refused}"]
    return [
        *_differences(verdict, data, reading),
        *_framing(data[: reading.head_length], _body(verdict)),
        *([] if verdict.flags & Flag.TOUCH else _untouched(data, reading)),
    ]


def framing_complaints(data: bytes, head_length: int, message_length: int | None) -> list[str]:
    """What llhttp has against the end that the NIC has found of the head that *data* begins with,
    and of its body; whether it decides that head or not.

    None if *message_length* is None, or if llhttp refuses the head.
    """
    if message_length is None:
        return []
    try:
        reading = read(data)
    except RefusedError:
        return []
    if reading.head_length != head_length:
        return [f"the head has {head_length} bytes, says the NIC; llhttp: {reading.head_length}"]
    return _framing(data[:head_length], message_length - head_length)


def start_complaints(verdict: Verdict, before: bytes) -> list[str]:
    """What llhttp has against it that the head of *verdict* begins behind *before*, which is the
    stream from a head's first byte on."""
    if not verdict.usable or not before or is_message_end(before):
        return []
    return [f"a head begins at byte {len(before)}, says the NIC; llhttp: no message ends there"]


def _differences(verdict: Verdict, data: bytes, reading: Reading) -> list[str]:
    """What llhttp reads otherwise."""
    path = _slice(data, verdict.path_offset, verdict.path_length)
    more = bool(verdict.flags & Flag.MORE_DATA)
    pairs = {
        "head length": (verdict.head_length, reading.head_length),
        "more data": (more, len(data) > reading.head_length),
        "method": (Method(verdict.method).name.encode(), reading.method),
        "path offset": (verdict.path_offset, len(reading.method) + 1),
        "path": (path, reading.target.partition(b"?")[0]),
        "number of hosts": (1, len(reading.hosts)),
    }
    found = [
        f"{what}: {said!r}, says the NIC; llhttp: {heard!r}"
        for what, (said, heard) in pairs.items()
        if said != heard
    ]
    return found + [text for host in reading.hosts for text in _host(verdict, data, host)]


def _host(verdict: Verdict, data: bytes, value: bytes) -> list[str]:
    """Against the host, of a field that has *value* by llhttp."""
    host, colon, port = value.partition(b":")
    at, length = verdict.host_offset, verdict.host_length
    if length == _LONGEST_HOST:
        length = max(length, len(host))
    if _slice(data, at, length) != host or (colon and not port.isdigit()):
        return [f"host: {_slice(data, at, length)!r}, says the NIC; llhttp: {value!r}"]
    if not data[:at].lower().endswith(b"\r\nhost: "):
        return [f"host offset: {at}, says the NIC; no Host field is there"]
    return []


def _body(verdict: Verdict) -> int | None:
    """Bytes of the body; None: it comes in chunks."""
    if verdict.flags & Flag.BODY_CHUNKED:
        return None
    return verdict.body_length if verdict.flags & Flag.BODY_LENGTH else 0


def _framing(head: bytes, body: int | None) -> list[str]:
    if ends_after(head, body):
        return []
    size = "comes in chunks" if body is None else f"has {body} bytes"
    return [f"the body {size}, says the NIC; llhttp does not find its end there"]


def _untouched(data: bytes, reading: Reading) -> list[str]:
    """Against a head that nobody else will interpret."""
    found = []
    if (reading.version, reading.keep_alive, reading.upgrade) != ("1.1", True, False):
        found.append(
            f"nothing to interpret, says the NIC; llhttp: HTTP/{reading.version}, "
            f"keep-alive {reading.keep_alive}, upgrade {reading.upgrade}"
        )
    try:
        parse(data[: reading.head_length])
    except HeadError as error:
        found.append(f"decided, says the NIC; the proxy's parser: {error.status}, {error.detail}")
    return found


def _malformed(verdict: Verdict, data: bytes, behind: bytes) -> list[str]:
    """Against a head that shall be none.

    One that never ends cannot be judged.
    """
    stream = data + behind
    end = find_end(stream)
    if end < 0:
        return []
    try:
        parse(stream[:end])
    except HeadError:
        return []
    reason = Reason(verdict.reason).word
    return [f"malformed ({reason}), says the NIC; the proxy's parser accepts it"]


def _slice(data: bytes, start: int, length: int) -> bytes:
    return data[start : start + length]

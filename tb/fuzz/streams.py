"""What a client sends, to the proxy: cut anywhere, through the NIC or not, it comes to the same.

The pods get the same requests, but for the case of field names, and the client the same answers.
"""

import re
from collections.abc import Iterator

import httptools

from .chunks import cuts
from .stage import Played, play
from .target import Seen, Target

__all__ = ["STREAMS"]


def _check(data: bytes, seen: Seen) -> Iterator[str]:
    whole = play([data])
    if (refusal := _refusal(whole)) is not None:
        yield f"the client gets {whole.client!r}: {refusal}"
    seen(("answers", whole.client.count(b"HTTP/1.1 "), len(whole.requests), whole.ended))
    with_nic = play([data], nic=True)
    seen(("unparsed", min(with_nic.unparsed, 3)))
    yield from _differences("with the NIC", with_nic, whole)
    smallest, *others = cuts(data)
    yield from _differences(f"cut into {len(smallest)}", play(smallest), whole)
    for parts in others:
        played = play(parts, nic=True)
        seen(("unparsed of parts", min(played.unparsed, 3)))
        yield from _differences(f"with the NIC, cut into {parts}", played, whole)
        for at in played.verdicts.keys() & with_nic.verdicts.keys():
            if (said := played.verdicts[at]) != (expected := with_nic.verdicts[at]):
                yield f"cut into {parts}, the verdict at {at} is {said}; whole: {expected}"


def _differences(how: str, played: Played, whole: Played) -> Iterator[str]:
    pairs = {
        "the client gets": (played.client, whole.client),
        "the pods get": (_lower(played.requests), _lower(whole.requests)),
        "the connection is ended": (played.ended, whole.ended),
    }
    for what, (found, expected) in pairs.items():
        if found != expected:
            yield f"{how} {what}: {found!r}; whole and without: {expected!r}"


_NAME = re.compile(rb"\r\n[^:\r\n]+:")


def _lower(requests: list[bytes]) -> list[bytes]:
    """The requests with the names of their fields in lower case: all that an unparsed head may
    differ in."""
    lower = []
    for request in requests:
        head, end, body = request.partition(b"\r\n\r\n")
        lower.append(_NAME.sub(lambda name: name[0].lower(), head) + end + body)
    return lower


def _refusal(played: Played) -> Exception | None:
    """What llhttp has against the answers; it cannot know which of them are to HEAD."""
    if not any(request.startswith(b"HEAD ") for request in played.requests):
        try:
            httptools.HttpResponseParser(object()).feed_data(played.client)
        except httptools.HttpParserError as error:
            return error
    return None


STREAMS = Target(
    claim="what a client sends is answered alike however it is cut, with the NIC and without",
    check=_check,
    words=(
        *(b"GET /p HTTP/1.1\r\nHost: shop.test\r\n\r\n", b"HEAD / HTTP/1.0\r\nHost: a\r\n\r\n"),
        *(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", b"\r\n", b"\r\n\r\n"),
        b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        *(b"Connection: close\r\n", b"X-G: b\r\n", b"?q=a", b"/r7", b"Expect: 100-continue\r\n"),
        *(b"0\r\n\r\n", b"http://shop.test", b"Upgrade: a\r\n", b"HTTP/1.0", b"TE: trailers\r\n"),
    ),
    longest=400,
)

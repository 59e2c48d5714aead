"""Path normalisation as an Istio gateway asks it of Envoy (``pathNormalization``).

It stands between the request head and the route matcher: routes see the normalised path, and it is
what goes on to the pod.  The rules were taken from Envoy by asking it for every byte and every
``%XX``; where the outcome would read differently to a later reader, the path is refused.
"""

import re

from ..config.model import PathNormalization
from ..errors import HybridMeshError

__all__ = ["PathError", "normalise"]


class PathError(HybridMeshError):
    """The path has no reading that every recipient shares; the answer is 400."""


_ODD = re.compile(r'[%\\"<>^`{|}]|/\.')
_ESCAPED_SLASH = re.compile("%(2[Ff]|5[Cc])")
_SLASHES = re.compile("//+")
_NUL = re.compile(r"%00")

# RFC 3986, 2.3:  unreserved = ALPHA / DIGIT / "-" / "." / "_" / "~"
_UNRESERVED = re.compile(r"%(2[DEde]|3\d|[46][1-9A-Fa-f]|[57][0-9Aa]|5[Ff]|7[Ee])")

# RFC 3986, 2.1:  pct-encoded = "%" HEXDIG HEXDIG
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HEX_PAIR = re.compile(r"[0-9A-Fa-f]{2}")

# Parameters of a literal dot segment: ``/..;jsessionid=1/`` is ``/../`` to a servlet container.
_DOT_PARAMETERS = re.compile(r"(?<=/)(\.\.?);[^/]*")
_DOT_SEGMENT_LEFT = re.compile(r"/\.\.?;")

# Bytes outside of RFC 3986 that browsers send nonetheless, and ``\``, which they take for ``/``.
_REWRITTEN = str.maketrans({c: f"%{ord(c):02X}" for c in '"<>^`{|}'} | {"\\": "/"})


def normalise(path: str, mode: PathNormalization = PathNormalization.BASE) -> str:
    """Normalise *path*, which has neither query nor fragment and starts with ``/``.

    Parameters
    ----------
    path : str
        Bytes 0x21 to 0x7e only, as :func:`hybridmesh.reference.head.parse` makes sure of.

    Raises
    ------
    PathError
        For ``%00``, and for a dot segment with parameters that shows only after decoding.
    """
    if mode is PathNormalization.NONE:
        return path
    if mode is PathNormalization.DECODE_AND_MERGE_SLASHES and "%" in path:
        path = _ESCAPED_SLASH.sub(_character, path)
    if _ODD.search(path) is not None:
        path = _base(path)
    if mode is not PathNormalization.BASE and "//" in path:
        # Envoy keeps the first slash and the last, which of slashes alone are two.
        path = _SLASHES.sub("/", path) if path.strip("/") else "//"
    return path


def _base(path: str) -> str:
    """Characters decoded, dot segments removed."""
    path = _DOT_PARAMETERS.sub(r"\1", path)
    if "%" in path:
        path = _decode(path)
    path = path.translate(_REWRITTEN)
    if "/." in path:
        path = _remove_dot_segments(path)
        # Deviation: Envoy lets ``/%2e%2e;/`` through as ``/..;/``.  A container behind the gateway
        # would then step out of the prefix that was matched here.
        if _DOT_SEGMENT_LEFT.search(path):
            raise PathError("the path hides a dot segment with parameters")
    return path


def _decode(path: str) -> str:
    """Decode the unreserved characters, once."""
    if _NUL.search(path):
        raise PathError("the path holds %00")
    # A percent sign that starts no triplet stays as it is, unless decoding has put two digits
    # behind it: then it is encoded itself, lest decoding create a triplet.
    first, *rest = (_UNRESERVED.sub(_character, part) for part in _STRAY_PERCENT.split(path))
    return first + "".join(("%25" if _HEX_PAIR.match(part) else "%") + part for part in rest)


def _character(triplet: re.Match[str]) -> str:
    return chr(int(triplet[1], 16))


def _remove_dot_segments(path: str) -> str:
    """RFC 3986, 5.2.4; ``..`` at the root stays at the root, ``//`` is an empty segment."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)

"""Watch columns: field names that every table looks for, whatever its routes ask.

They are the last :data:`~hybridmesh.contract.geometry.WATCH_COLUMNS` columns of the header space.
The first twelve raise ``touch`` (the head holds a field that a proxy must interpret); the column
``EXCUSE`` takes that back for the line it matches; the last three find the body framing fields.
"""

import enum
from dataclasses import dataclass

__all__ = ["TOUCH_COLUMNS", "WATCHES", "Column", "Watch"]

TOUCH_COLUMNS = 12


class Column(enum.IntEnum):
    """Watch columns with a meaning of their own, counted from the first watch column."""

    EXCUSE = 12
    LENGTH = 13
    CODING = 14
    CHUNKED = 15


@dataclass(frozen=True)
class Watch:
    """A pattern over the line ``name: value``, letters of either case alike.

    ``exact`` patterns must match the whole line; the others its beginning.
    """

    column: int
    pattern: bytes
    exact: bool = False


WATCHES = (
    Watch(0, b"connection:"),
    Watch(1, b"keep-alive:"),
    Watch(2, b"proxy-"),
    Watch(3, b"te:"),
    Watch(4, b"trailer:"),
    Watch(5, b"upgrade:"),
    Watch(6, b"expect:"),
    Watch(7, b"x-forwarded-"),
    Watch(8, b"x-envoy-"),
    Watch(9, b"x-request-id:"),
    Watch(10, b"http2-settings:"),
    Watch(11, b"via:"),
    Watch(Column.EXCUSE, b"connection: keep-alive", exact=True),
    Watch(Column.LENGTH, b"content-length:"),
    Watch(Column.CODING, b"transfer-encoding:"),
    Watch(Column.CHUNKED, b"transfer-encoding: chunked", exact=True),
)

"""Field names with a meaning of their own when routes are chosen."""

__all__ = ["AUTHORITY", "is_rewritten"]

AUTHORITY = frozenset({"host", ":authority"})
"""Names under which a header condition means the authority."""

_REWRITTEN = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-request-id",
    }
)


def is_rewritten(name: str) -> bool:
    """Whether routes may see another value than the line that came.

    Envoy removes, sets or appends to these fields before it chooses a route, and its pseudo
    headers (``:path``) are no lines at all.
    """
    return name in _REWRITTEN or name.startswith((":", "x-envoy-"))

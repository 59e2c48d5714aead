"""Where a redirected client shall go (``redirect``)."""

from dataclasses import replace

from hybridmesh.config.model import Redirect, StringMatch

from .lines import wire
from .rewrite import PathRewrite

__all__ = ["Redirection"]

_DEFAULT_PORTS = {"http": "80", "https": "443"}


class Redirection:
    """A route's redirect; *match* is its condition on the path."""

    __slots__ = ("_redirect", "_rewrite")

    def __init__(self, redirect: Redirect, match: StringMatch | None) -> None:
        self._redirect = replace(
            redirect, authority=wire(redirect.authority), path=wire(redirect.path)
        )
        self._rewrite = (
            PathRewrite(redirect.prefix, None, match) if redirect.prefix is not None else None
        )

    def location(self, scheme: str, authority: str, target: str) -> str:
        """The Location for a request of *scheme*, *authority* and *target* (path and query)."""
        redirect = self._redirect
        to = redirect.scheme or scheme
        port = f":{redirect.port}" if redirect.port else ""
        host = redirect.authority or self._host(scheme, to, authority)
        path = self._target(target)
        return f"{to}://{host}{port}{path if path.startswith('/') else '/' + path}"

    def _host(self, scheme: str, to: str, authority: str) -> str:
        """The request's host, without its port where that would be wrong now."""
        host, colon, port = authority.rpartition(":")
        if not colon or not port.isdigit():
            return authority
        stale = to != scheme and port == _DEFAULT_PORTS.get(scheme)
        return host if self._redirect.port or stale else authority

    def _target(self, target: str) -> str:
        path = self._redirect.path
        if path:
            _, mark, query = target.partition("?")
            return path if "?" in path else path + mark + query
        return self._rewrite.apply(target) if self._rewrite is not None else target

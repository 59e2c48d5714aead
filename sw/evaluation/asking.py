"""One request and its answer, to see whether a gateway is ready, and right."""

import socket
import ssl
from http.client import HTTPException, HTTPResponse

from .site import Site
from .workload import HOST

__all__ = ["ask"]

_PATIENCE = 5.0


def ask(site: Site, head: bytes, tls: bool) -> tuple[int, bytes]:
    """Status and body of the gateway's answer; 0 and what is wrong, where there is none."""
    try:
        with socket.create_connection((site.address, site.port), _PATIENCE) as plain:
            asked: socket.socket = plain
            if tls:
                asked = _TRUSTING.wrap_socket(plain, server_hostname=HOST)
            with asked:
                asked.sendall(head)
                with HTTPResponse(asked) as response:
                    response.begin()
                    return response.status, response.read()
    except (OSError, HTTPException) as error:
        return 0, str(error).encode()


def _trusting() -> ssl.SSLContext:
    """The certificate is not what is tried here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_TRUSTING = _trusting()

"""curl as the lab's first client: does the gateway answer at all, and for the right pod?"""

from .mesh import FIRST_PORT, HOST
from .namespace import LabError
from .setup import ADDRESS, Lab
from .tools import find

__all__ = ["check"]

_PATIENCE = 30


def check(lab: Lab, port: int) -> None:
    """Ask the gateway on *port* for the last route; raises :exc:`LabError` where it is wrong."""
    route = lab.routes - 1
    with lab.client(
        *(find("curl"), "--disable", "--silent", "--show-error", "--noproxy", "*"),
        *("--max-time", _PATIENCE, "--write-out", "%{http_code}"),
        *("--header", f"Host: {HOST}", "--header", f"x-lab: {route}"),
        f"http://{ADDRESS}:{port}/r{route}/",
    ) as process:
        printed, complaints = process.communicate()
    expected = f"{FIRST_PORT + route}\n200"
    if printed != expected:
        raise LabError(
            f"curl was told {printed!r} where {expected!r} was right {complaints.strip()}",
            place=f"{ADDRESS}:{port}",
        )

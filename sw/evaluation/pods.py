"""The pods: one nginx, with a server for each service, at the ports of all its pods.

A request says in its query which service it is meant for.  A server of another service refuses it:
so each answer with status 200 comes from a right pod, at no cost to whoever counts them.
"""

from collections.abc import Iterator
from pathlib import Path

from .peers.nginx import FOLDERS
from .site import Site
from .workload import SERVICES, Workload

__all__ = ["REFUSED", "answer", "configuration"]

REFUSED = 421
"""Status of the answer to a request that is meant for another service (RFC 9110, 15.5.20)."""

_CONFIGURATION = """\
daemon off;
master_process off;
user root;
pid {folder}/pods.pid;
error_log stderr warn;
events {{
    worker_connections 4096;
}}
http {{
    access_log off;
    default_type text/plain;
    sendfile on;
    open_file_cache max=16 inactive=1d;
    keepalive_requests 1000000000;
    keepalive_time 1d;
    keepalive_timeout 1d;
{folders}
{servers}
}}
"""

_SERVER = """\
    server {{
        {listens}
        if ($arg_pod != "{service}") {{ return {refused}; }}
        {fresh}
        location / {{
            root {folder};
            try_files /answer-{service} =404;
        }}
    }}
"""


def answer(service: int, size: int) -> bytes:
    """The body that pods of *service* answer with."""
    return (b"%d " % service * size)[:size]


def configuration(workload: Workload, site: Site) -> Path:
    """Write nginx's configuration, and the answers, into the folder of *site*."""
    for service in range(SERVICES):
        path = site.folder / f"answer-{service}"
        path.write_bytes(answer(service, workload.response))
        path.chmod(0o644)
    text = _CONFIGURATION.format(
        folder=site.folder,
        folders="\n".join(f"    {n}_temp_path {site.folder}/pods-{n};" for n in FOLDERS),
        servers="".join(_servers(workload, site)),
    )
    path = site.folder / "pods.conf"
    path.write_text(text)
    return path


def _servers(workload: Workload, site: Site) -> Iterator[str]:
    fresh = "add_header X-Trace $request_id;" if workload.fresh else ""
    for service in range(SERVICES):
        ports = site.pod_ports(service)
        listens = " ".join(f"listen {site.pods}:{port} backlog=4096;" for port in ports)
        yield _SERVER.format(
            listens=listens, service=service, refused=REFUSED, fresh=fresh, folder=site.folder
        )

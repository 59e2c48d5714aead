"""nginx as the lab's pods: one server for each, which answers with the number of its port."""

from pathlib import Path

__all__ = ["configuration"]

# `return` alone would answer before the body has come, upon which gateways end the connection; what
# proxy_pass sends on has come as a whole.
_SERVER = """
    server {{
        listen {address}:{port} backlog=1024;
        location / {{
            proxy_pass http://unix:{folder}/{address}-{port}.sock:;
        }}
    }}
    server {{
        listen unix:{folder}/{address}-{port}.sock backlog=1024;
        return 200 "{port}\\n";
    }}"""

# One process: it is killed with the lab, which a worker of a master would not be.  It has no
# capability, so nothing may want one: another user, folders of another user.
_CONFIGURATION = """daemon off;
master_process off;
user root;
pid {folder}/{address}.pid;
error_log stderr notice;
events {{
    worker_connections 4096;
}}
http {{
    access_log off;
    default_type text/plain;
    keepalive_requests 1000000000;
    keepalive_time 1d;
    keepalive_timeout 1d;
    client_body_temp_path {folder}/{address}.body;
    proxy_temp_path {folder}/{address}.proxy;
    fastcgi_temp_path {folder}/{address}.fastcgi;
    uwsgi_temp_path {folder}/{address}.uwsgi;
    scgi_temp_path {folder}/{address}.scgi;
{servers}
}}
"""


def configuration(folder: Path, address: str, first: int, count: int) -> str:
    """Of *count* pods at *address*, from port *first* on, whose files are in *folder*.

    It says "event method" when its ports are open."""
    servers = (
        _SERVER.format(folder=folder, address=address, port=port)
        for port in range(first, first + count)
    )
    return _CONFIGURATION.format(folder=folder, address=address, servers="".join(servers))

"""nginx, with locations for prefixes and expressions, a map for headers, a server for each host."""

from collections.abc import Iterator

from ..site import Site
from ..workload import HOST, SERVICES, Workload, host, prefix, service
from .peer import LOG, Launch, find, first_line

__all__ = ["FOLDERS", "Nginx"]

# One process: it has no worker that would outlive it.  Its folders are its own.
_CONFIGURATION = """\
daemon off;
master_process off;
user root;
pid {folder}/nginx.pid;
error_log stderr warn;
pcre_jit on;
events {{
    worker_connections 4096;
}}
http {{
    access_log {log};
    keepalive_requests 1000000000;
    keepalive_time 1d;
    keepalive_timeout 1h;
    map_hash_max_size 65536;
    map_hash_bucket_size 128;
    server_names_hash_max_size 65536;
    server_names_hash_bucket_size 128;
{folders}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Request-Id $request_id;
    proxy_connect_timeout 10s;
    proxy_read_timeout 15s;
    proxy_next_upstream error timeout http_503;
    proxy_next_upstream_tries 3;
    proxy_buffer_size 16k;
    proxy_buffers 16 16k;
{upstreams}
{map}
    server {{
        listen {listen} default_server;
        {tls}
        return 404;
    }}
{servers}
}}
"""

FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Nginx:
    """Routes that ask for three things differ in the header alone; two are asked for once, as with
    HAProxy."""

    name = "nginx"
    title = "nginx"

    def missing(self) -> str:
        if find("nginx") is not None:
            return ""
        return "nginx is missing; run: apt-get install nginx-light"

    def refuses(self, workload: Workload) -> str:
        return ""

    def version(self) -> str:
        return first_line(_program(), "-v").rpartition(" ")[2].replace("/", " ")

    def launch(self, workload: Workload, site: Site) -> Launch:
        folder, path = site.folder, site.folder / "nginx.conf"
        listen = f"{site.address}:{site.port}{' ssl' if workload.tls else ''} backlog=4096"
        tls = ""
        if workload.tls:
            tls = f"ssl_certificate {site.certificate}; ssl_certificate_key {site.key};"
        text = _CONFIGURATION.format(
            folder=folder,
            log=f"{LOG} combined" if workload.istio else "off",
            folders="\n".join(f"    {n}_temp_path {folder}/nginx-{n};" for n in FOLDERS),
            upstreams="\n".join(_upstream(number, site) for number in range(SERVICES)),
            map="\n".join(_map(workload)),
            listen=listen,
            tls=tls,
            servers="\n".join(_servers(workload, listen.removesuffix(" backlog=4096"), tls)),
        )
        path.write_text(text)
        command = (_program(), "-e", "stderr", "-c", str(path))
        return Launch(command, (*command, "-t"))


def _upstream(number: int, site: Site) -> str:
    servers = (
        f"server {site.pods}:{port} max_fails=5 fail_timeout=30s;"
        for port in site.pod_ports(number)
    )
    return (
        f"    upstream s{number} {{ least_conn; {' '.join(servers)} keepalive 512; "
        "keepalive_requests 1000000000; }"
    )


def _map(workload: Workload) -> Iterator[str]:
    if workload.kind in ("header", "three"):
        yield "    map $http_x_user_group $service {"
        yield '        default "";'
        yield from (f"        {n} s{service(n)};" for n in range(workload.routes))
        yield "    }"


def _servers(workload: Workload, listen: str, tls: str) -> Iterator[str]:
    if workload.kind == "hosts":
        for number in range(workload.routes):
            yield f"    server {{ listen {listen}; server_name {host(number)}; {tls}"
            yield f"        location /api/ {{ proxy_pass http://s{service(number)}; }}"
            yield "        location / { return 404; } }"
        return
    yield f"    server {{ listen {listen}; server_name {HOST}; {tls}"
    match workload.kind:
        case "prefix":
            for number in range(workload.routes):
                yield f"        location {prefix(number)} {{ {_pass(number)} }}"
        case "regex":
            for number in range(workload.routes):
                pattern = f"^{prefix(number)}items/[0-9]+(/.*)?$"
                yield f"        location ~ {pattern} {{ {_pass(number)} }}"
        case "header" | "three":
            yield '        if ($service = "") { return 404; }'
            if workload.kind == "three":
                yield "        if ($request_method != GET) { return 404; }"
                yield "        location /api/ { proxy_pass http://$service; }"
                yield "        location / { return 404; }"
            else:
                yield "        location / { proxy_pass http://$service; }"
    yield "    }"


def _pass(number: int) -> str:
    return f"proxy_pass http://s{service(number)};"


def _program() -> str:
    return find("nginx") or "nginx"

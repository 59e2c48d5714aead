"""HAProxy, with a map for each lookup: its leanest way to many routes."""

from pathlib import Path

from ..site import Site
from ..workload import HOST, SERVICES, Workload, host, prefix, service
from .peer import LOG, Launch, find, first_line

__all__ = ["HAProxy"]

# The cache of patterns is off: it would know the 64 paths of a workload, and no real site's.
_CONFIGURATION = """\
global
  nbthread 1
  maxconn 4000
  tune.pattern.cache-size 0
{log}
defaults
  mode http
  timeout connect 10s
  timeout client 1h
  timeout server 15s
  timeout http-keep-alive 1h
  option http-keep-alive
  http-reuse always
  retries 2
  retry-on conn-failure empty-response 503
  option redispatch
  option forwardfor
{option}
frontend clients
  bind {address}:{port}{tls}
  http-request set-header X-Forwarded-Proto {scheme}
  http-request set-header X-Request-Id %[uuid()]
{rule}
  default_backend none
backend none
  http-request return status 404
"""

_BACKEND = """\
backend s{service}
  balance leastconn
  default-server check inter 10s observe layer7 error-limit 5 on-error mark-down
{servers}
"""


class HAProxy:
    """A prefix tree or a hash for prefixes, headers and hosts; a list of regular expressions.

    The routes that ask for three things differ in the header alone, and so two of the three are
    asked for once: no gateway that goes by the YAML knows that.
    """

    name = "haproxy"
    title = "HAProxy"

    def missing(self) -> str:
        if find("haproxy") is not None:
            return ""
        return "HAProxy is missing; run: apt-get install haproxy"

    def refuses(self, workload: Workload) -> str:
        return ""

    def version(self) -> str:
        return f"HAProxy {first_line(_program(), '-v').split()[2]}"

    def launch(self, workload: Workload, site: Site) -> Launch:
        path, table = site.folder / "haproxy.cfg", site.folder / "haproxy.map"
        table.write_text(
            "".join(f"{_key(workload, n)} s{service(n)}\n" for n in range(workload.routes))
        )
        pem = site.folder / "haproxy.pem"
        if workload.tls:
            pem.write_bytes(site.certificate.read_bytes() + site.key.read_bytes())
        text = _CONFIGURATION.format(
            log="  log stdout format raw local0 info" if workload.istio else "",
            option="  log global\n  option httplog" if workload.istio else "  no log",
            address=site.address,
            port=site.port,
            tls=f" ssl crt {pem} alpn http/1.1" if workload.tls else "",
            scheme="https" if workload.tls else "http",
            rule=_rule(workload, table),
        )
        text += "".join(_backend(number, site) for number in range(SERVICES))
        path.write_text(text)
        # Its log goes to standard output, and nothing else does.
        command = ("sh", "-c", f'exec "$0" "$@" >{LOG}', _program(), "-db", "-f", str(path))
        return Launch(command, (_program(), "-c", "-f", str(path)))


def _key(workload: Workload, number: int) -> str:
    match workload.kind:
        case "prefix":
            return f"{HOST}{prefix(number)}"
        case "header" | "three":
            return str(number)
        case "regex":
            return f"^{prefix(number)}items/[0-9]+(/.*)?$"
        case "hosts":
            return host(number)


def _rule(workload: Workload, table: Path) -> str:
    match workload.kind:
        case "prefix":
            rule = f"%[base,map_beg({table},none)]"
        case "header":
            rule = f"%[req.hdr(x-user-group),map_str({table},none)]"
        case "three":
            rule = f"%[req.hdr(x-user-group),map_str({table},none)]"
            rule += " if METH_GET { path_beg /api/ }"
        case "regex":
            rule = f"%[path,map_reg({table},none)]"
        case "hosts":
            rule = f"%[req.hdr(host),field(1,:),lower,map_str({table},none)]"
            rule += " if { path_beg /api/ }"
    if workload.kind not in ("prefix", "hosts"):
        host_is = f"{{ req.hdr(host),field(1,:) -i {HOST} }}"
        rule += f" {host_is}" if " if " in rule else f" if {host_is}"
    return f"  use_backend {rule}"


def _backend(number: int, site: Site) -> str:
    servers = (f"  server p{port} {site.pods}:{port}" for port in site.pod_ports(number))
    return _BACKEND.format(service=number, servers="\n".join(servers))


def _program() -> str:
    return find("haproxy") or "haproxy"

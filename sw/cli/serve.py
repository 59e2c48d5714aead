"""``hybridmesh serve``: the gateway, until somebody stops it."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING, cast

import click

from . import options

if TYPE_CHECKING:
    from ..config.model import Mesh
    from ..ingress import NicChoice
    from ..proxy import AccessLog

__all__ = ["curl_line", "serve"]

_BOARD = "eth:"


def _nic(word: str) -> str:
    """A NIC of this process, or :data:`_BOARD` and the interface that one is cabled to."""
    if word not in options.NICS and not (word.startswith(_BOARD) and word != _BOARD):
        raise click.BadParameter(f"{word!r} is none of {', '.join(options.NICS)}, {_BOARD}IFACE")
    return word


@click.command()
@options.files
@options.listen
@options.ports
@click.option(
    "--nic",
    "choice",
    type=_nic,
    default="sim",
    show_default=True,
    metavar=f"{'|'.join(options.NICS)}|{_BOARD}IFACE",
    help=f"{options.NICS_HELP}; {_BOARD}IFACE: the board at that interface, with the kernel's "
    "tunnel, see hybridmesh tunnel load.",
)
@click.option(
    "--tunnel",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Take the verdicts from the kernel's tunnel, and no --nic; FILE says what its NIC was "
    "loaded with.",
)
@click.option(
    "--access-log",
    type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
    metavar="FILE",
    help="Append a JSON line per request to FILE; - is standard output.",
)
@click.option(
    "--locality",
    default="",
    metavar="REGION/ZONE/SUBZONE",
    help="Where this gateway is; endpoints nearby come first, if the YAML says so.",
)
def serve(
    paths: tuple[Path, ...],
    listen: tuple[str, int],
    pairs: tuple[tuple[int, int], ...],
    choice: str,
    tunnel: Path | None,
    access_log: Path | None,
    locality: str,
) -> None:
    """Serve the gateways of Istio YAML until Ctrl-C.

    Each port of the Gateways is a listener; the NIC is for the first one without TLS.

    \b
    hybridmesh serve -f examples/shop --listen 0.0.0.0:8080 --access-log -
    hybridmesh serve -f gateway.yaml --listen 0.0.0.0:80 --port 443:8443
    """
    from ..config import load
    from ..ingress import serve_mesh

    board = choice.removeprefix(_BOARD) if choice not in options.NICS else ""
    if board:
        if tunnel is not None:
            raise click.UsageError(f"--tunnel goes without --nic {choice}")
        tunnel = _loaded(board)
    mesh = load(paths, locality)
    host, port = listen
    real = {listener.port: listener.port for listener in mesh.listeners}
    real |= {mesh.listeners[0].port: port}
    if unknown := [number for number, _ in pairs if number not in real]:
        known = ", ".join(map(str, real))
        raise click.UsageError(f"no Gateway has a server with the port {unknown[0]}, but {known}")
    real |= dict(pairs)
    secure = {listener.port for listener in mesh.listeners if listener.table is None}

    def started(ports: Mapping[int, int]) -> None:
        urls = [_url(host, port, number in secure) for number, port in ports.items()]
        nic = choice if board or tunnel is None else "behind the tunnel"
        click.echo(f"listening on {', '.join(urls)}, NIC: {nic}; Ctrl-C stops it", err=True)
        plain = [port for number, port in ports.items() if number not in secure]
        if plain:
            click.echo(f"try: {curl_line(mesh, host, plain[0])}", err=True)

    with _opened(access_log) as log:
        signal = serve_mesh(
            *(mesh, cast("NicChoice", choice), host, real),
            access_log=log,
            on_start=started,
            tunnel=tunnel,
        )
    if signal is Signals.SIGINT:
        raise KeyboardInterrupt


def _loaded(interface: str) -> Path:
    """What the NIC at *interface* was loaded with."""
    from ..nic import NicError
    from ..nic.loaded import loaded_path

    path = loaded_path(interface)
    if not path.exists():
        raise NicError(
            "No NIC is kept at this interface",
            place=interface,
            remedy=f"run: hybridmesh tunnel load {interface} -f with the same files",
        )
    return path


def curl_line(mesh: "Mesh", host: str, port: int, path: str = "/") -> str:
    """How to ask the gateway for *path* of its first host."""
    hosts = mesh.table.virtual_hosts
    domain = hosts[0].domain.replace("*", "any") if hosts else "any"
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"curl -H 'Host: {domain}' {_url(local, port)}{path}"


def _url(host: str, port: int, secure: bool = False) -> str:
    scheme = "https" if secure else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


@contextmanager
def _opened(path: Path | None) -> Iterator["AccessLog | None"]:
    from ..proxy import AccessLog
    from ..proxy.io.lines import LogFile

    if path is None:
        yield None
        return
    target = sys.stdout.fileno() if str(path) == "-" else path
    with LogFile.opened(target, f"the access log {path}") as lines:
        yield AccessLog(lines)

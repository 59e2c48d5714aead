"""Options that several commands share."""

from pathlib import Path

import click

__all__ = ["NICS", "NICS_HELP", "address", "files", "listen", "nic", "port_pair", "ports"]

files = click.option(
    "-f",
    "--file",
    "paths",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    metavar="PATH",
    help="YAML file, or folder of YAML files; may be given several times.",
)

NICS = {
    "sim": "the RTL in simulation (built when used for the first time)",
    "reference": "its golden model",
    "off": "no NIC, the CPU does it all",
}
"""The NICs of this process by their words, and what they are."""

NICS_HELP = "; ".join(f"{word}: {meaning}" for word, meaning in NICS.items())

nic = click.option(
    "--nic",
    "choice",
    type=click.Choice(list(NICS)),
    default="sim",
    show_default=True,
    help=f"{NICS_HELP}.",
)


def address(text: str) -> tuple[str, int]:
    """``HOST:PORT``, ``[IPv6]:PORT``, ``:PORT`` or ``PORT`` as a host and a port number."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(f"{text!r} is not HOST:PORT, such as 127.0.0.1:8080")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


listen = click.option(
    "--listen",
    type=address,
    default="127.0.0.1:8080",
    show_default=True,
    metavar="ADDR",
    help="HOST:PORT, [IPv6]:PORT or PORT; port 0 lets the system choose.",
)


def port_pair(text: str) -> tuple[int, int]:
    """``CONFIGURED:REAL``, or one number for both."""
    configured, _, real = text.partition(":")
    try:
        pair = int(configured), int(real or configured)
    except ValueError:
        pair = (0, -1)
    if not (0 < pair[0] <= 65535 and 0 <= pair[1] <= 65535):
        raise click.BadParameter(f"{text!r} is not CONFIGURED:REAL, such as 443:8443")
    return pair


ports = click.option(
    "--port",
    "pairs",
    type=port_pair,
    multiple=True,
    metavar="CONFIGURED:REAL",
    help="Where the servers of a Gateway's port are reached, if they have several; may be given "
    "several times.  By default the port of --listen for the first one, and the configured ones "
    "for the others.",
)

"""``hybridmesh demo``: the shop at work, checked or left running."""

import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options

if TYPE_CHECKING:
    from ..ingress import NicChoice

__all__ = ["demo"]


@click.command()
@options.nic
@options.listen
@click.option("--serve", "stay", is_flag=True, help="Ask nothing; leave it running for curl.")
@click.pass_context
def demo(context: click.Context, choice: "NicChoice", listen: tuple[str, int], stay: bool) -> int:
    """Show a shop behind the gateway: routes, verdicts, retries, a canary, a circuit breaker.

    Starts sample pods and the gateway on this machine, sends a few hundred requests with an
    independent client, and checks every answer. The exit code is 1 if one of them is wrong.
    """
    from ..demo import Stage, play
    from .tables import console

    # The checks need no certain port, and take a free one unless told otherwise.
    chosen = context.get_parameter_source("listen") is not click.core.ParameterSource.DEFAULT
    host, port = listen if stay or chosen else (listen[0], 0)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # and tidy up
    with tempfile.TemporaryDirectory(prefix="hybridmesh-") as folder:
        log = Path(folder, "access.log")
        with Stage.up(choice, log, host, port) as stage:
            if not stay:
                return 0 if play(stage, console(), has_nic=choice != "off") else 1
            base = f"http://{stage.host}:{stage.port}"
            click.echo(f"the shop is at {base}, NIC: {choice}; access log: {log}; Ctrl-C stops it")
            for words in _TRY:
                click.echo(f"  curl -i -H 'Host: shop.example.com' {words.format(base=base)}")
            threading.Event().wait()
            return 0


_TRY = (
    "{base}/api/products/17",
    "{base}/api/orders/17",
    "-H 'X-User-Group: beta' {base}/api/reviews/17",
    "-d 'item=tea' {base}/api/checkout",
)

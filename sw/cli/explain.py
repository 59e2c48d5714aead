"""``hybridmesh explain``: one head told in words, or many as JSON lines."""

import json
import sys
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

import click

from ..errors import HybridMeshError
from . import options
from .batch import Line

if TYPE_CHECKING:
    from ..explain import Explainer
    from ..ingress import NicChoice

__all__ = ["explain"]

_BATCH = 256
"""Heads that go to the NIC in one call."""


@click.command()
@options.files
@options.nic
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead of text.")
@click.option("--url", help="Explain a request for this URL instead of a head from standard input.")
@click.option("-H", "--header", "headers", multiple=True, help="With --url: a 'name: value' line.")
@click.option("-X", "--method", default="GET", show_default=True, help="With --url: the method.")
@click.option(
    "--batch",
    type=click.File("rb"),
    metavar="FILE",
    help='Explain JSON lines {"id": ..., "head_b64": "..."}, one JSON line each; - is standard '
    "input.",
)
@click.option(
    "--trace",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.svg",
    help="Draw what the NIC does with the head, clock by clock.",
)
@click.option(
    "--waves",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.fst",
    help="Write the waves of it, as FST or in a FILE.vcd, and beside them a view for GTKWave and "
    "one for Surfer.",
)
@click.option(
    "--width",
    type=int,
    metavar="BYTES",
    help="With --trace or --waves: what the NIC takes per clock, 1, 2, 4 ... 64; 8 if not given.",
)
def explain(
    paths: tuple[Path, ...],
    choice: "NicChoice",
    as_json: bool,
    url: str | None,
    headers: tuple[str, ...],
    method: str,
    batch: IO[bytes] | None,
    trace: Path | None,
    waves: Path | None,
    width: int | None,
) -> int:
    """Say which route a request takes, and why.

    Reads one raw request head from standard input, ended by its empty line. It goes through the
    NIC as TCP segments of its own, and where the NIC cannot tell, the CPU decides, just as in
    'hybridmesh serve'. Of several weighted clusters the answer is the first with a weight above
    0, as if the random number were 0.

    The exit code is 1 where the head is refused; with --batch refusals are part of the answers.

    \b
    hybridmesh explain -f examples/shop --url http://shop.example.com/api/cart
    printf 'GET / HTTP/1.1\\r\\nHost: shop.example.com\\r\\n\\r\\n' \\
        | hybridmesh explain -f examples/shop
    hybridmesh explain -f examples/shop --url http://shop.example.com/ --trace trace.svg
    """
    from ..config import load
    from ..explain import Explainer
    from ..ingress import open_table

    if url is None and (headers or method != "GET"):
        raise click.UsageError("-H and -X go with --url")
    if batch is not None and (url is not None or as_json):
        raise click.UsageError("--batch goes without --url and --json")
    recorded = trace is not None or waves is not None
    if recorded and batch is not None:
        raise click.UsageError("--trace and --waves go without --batch")
    if width is not None and not recorded:
        raise click.UsageError("--width goes with --trace or --waves")
    if recorded and choice != "sim":
        raise HybridMeshError(
            f"--trace and --waves show the RTL at work, and --nic {choice} is not the RTL",
            remedy="say --nic sim",
        )
    mesh = load(paths)
    if batch is not None:
        with open_table(mesh, choice) as table:
            _explain_lines(Explainer(mesh, table), batch)
        return 0
    head = _head(url, method, headers) if url is not None else sys.stdin.buffer.read()
    tell = partial(_tell, head, choice, as_json)
    if recorded:
        from .recorder import explain_and_record

        return explain_and_record(
            mesh, head, tell, width=8 if width is None else width, trace=trace, waves=waves
        )
    with open_table(mesh, choice) as table:
        return tell(Explainer(mesh, table))


def _tell(head: bytes, choice: "NicChoice", as_json: bool, explainer: "Explainer") -> int:
    (explanation,) = explainer.explain([head])
    passed = explainer.passed_over(explanation)
    if as_json:
        over = [{"route": route.id, "reason": reason} for route, reason in passed]
        told = explanation.fields() | {"software": explanation.software, "passed_over": over}
        click.echo(json.dumps(told))
    else:
        from .explanation import show

        show(explainer, explanation, passed, choice)
    return 1 if explanation.error else 0


def _head(url: str, method: str, headers: tuple[str, ...]) -> bytes:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.netloc:
        raise click.UsageError(f"{url!r} is not a URL such as http://shop.example.com/cart")
    target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1"]
    if not any(header.lower().startswith("host:") for header in headers):
        lines.append(f"Host: {parts.netloc}")
    return "\r\n".join([*lines, *headers, "", ""]).encode()


def _explain_lines(explainer: "Explainer", batch: IO[bytes]) -> None:
    from ..explain import Explanation

    while lines := [Line.parse(text) for text in islice(batch, _BATCH)]:
        explanations = iter(explainer.explain([line.head for line in lines if not line.error]))
        for line in lines:
            click.echo(line.answer(Explanation(None) if line.error else next(explanations)))

"""The command ``hybridmesh``: its subcommands, and how every failure becomes one clear line."""

import signal
import sys
from collections.abc import Sequence

import click

from ..errors import HybridMeshError
from .bench import bench
from .build import build
from .compile import compile_command
from .demo import demo
from .explain import explain
from .lab import lab
from .lint import lint
from .nic import nic
from .route_check import route_check
from .serve import serve
from .timing import timing
from .tunnel import tunnel
from .verilog import verilog

__all__ = ["cli", "main"]

_FAILED = 1
_INTERRUPTED = 128 + signal.SIGINT


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hybridmesh", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """An ingress gateway for a service mesh whose NIC parses and matches the requests.

    \b
    hybridmesh demo                               see all of it at work
    hybridmesh lint -f examples/shop              what is wrong with the YAML, or surprising
    hybridmesh route-check -f examples/shop --tests examples/shop.tests.yaml
    hybridmesh compile -f examples/shop           what of it the NIC can do
    hybridmesh serve -f examples/shop             serve it
    hybridmesh explain -f examples/shop --url http://shop.example.com/api/orders/17
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


# fmt: off
COMMANDS = (
    bench, build, compile_command, demo, explain, lab, lint, nic, route_check, serve, timing,
    tunnel, verilog,
)
# fmt: on
for command in COMMANDS:
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; *arguments* None: those of the process."""
    try:
        result = cli.main(arguments, prog_name="hybridmesh", standalone_mode=False)
    except HybridMeshError as error:
        return _fail(str(error))
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "hybridmesh"
        return _fail(f"{error.format_message()} (see {where} --help)", error.exit_code)
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted", _INTERRUPTED)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}")
    return result if isinstance(result, int) else 0


def _fail(line: str, code: int = _FAILED) -> int:
    print("hybridmesh:", " ".join(line.split()), file=sys.stderr)
    return code

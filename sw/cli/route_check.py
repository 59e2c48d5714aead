"""``hybridmesh route-check``: tests of a route table, in the format of Envoy's own tool."""

from pathlib import Path

import click

from . import options

__all__ = ["route_check"]


@click.command("route-check")
@options.files
@click.option(
    "--tests",
    "tests",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="YAML or JSON file with the tests.",
)
@click.option("--details", is_flag=True, help="Name the tests that pass, too.")
def route_check(paths: tuple[Path, ...], tests: Path, details: bool) -> int:
    """Say whether routes do with requests what tests want of them.

    The routes are Istio's YAML, or one file with a RouteConfiguration of Envoy. The tests are
    those of Envoy's router_check_tool: an input (authority, path, method, ssl,
    additional_request_headers, random_value) and what to validate (cluster_name,
    virtual_host_name, host_rewrite, path_rewrite, path_redirect, request_header_matches,
    response_header_matches). Paths are normalised before they are matched, as in the gateway.

    The exit code is 1 where a test fails.

    \b
    hybridmesh route-check -f examples/shop --tests routes.test.yaml
    """
    from ..routecheck import Checker, load_routes, load_tests

    written = load_tests(tests)
    checker = Checker(load_routes(paths))
    failed = 0
    for test in written:
        found = checker.check(test)
        failed += bool(found)
        if found or details:
            click.echo(f"{'FAIL' if found else 'ok  '}  {test.test_name}")
        for mismatch in found:
            click.echo(f"      {mismatch.what}: expected {mismatch.wanted}, found {mismatch.found}")
    click.echo(f"{len(written) - failed} of {len(written)} tests pass")
    return 1 if failed else 0

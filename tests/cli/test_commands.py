"""The commands that look at a configuration, and the one that serves it."""

import http.client
import json

import pytest

from .conftest import SHOP

COMMANDS = (
    "compile",
    "demo",
    "explain",
    "lab",
    "lint",
    "nic",
    "route-check",
    "serve",
    "tunnel",
    "verilog",
)


def test_help_names_every_command(run):
    for arguments in ([], ["--help"]):
        done = run(*arguments)
        assert done.code == 0
        for command in COMMANDS:
            assert f"\n  {command} " in done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help_text(run, command):
    done = run(command, "--help")
    assert done.code == 0
    assert f"Usage: hybridmesh {command} " in done.out


def test_lint_of_the_shop_has_one_warning_and_passes(run):
    done = run("lint", "-f", SHOP)
    lines = done.out.splitlines()
    assert done.code == 0
    assert "virtual-service.yaml:23: " in lines[0]
    assert ": warning: " in lines[0]
    assert lines[1:] == ["0 errors, 1 warning, 0 notes"]


def test_lint_fails_where_there_are_errors(run, tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("kind: Gateway\n")
    done = run("lint", "-f", file, "-f", tmp_path / "b.yaml")
    assert done.code == 1
    assert f"{file}:1: " in done.out
    assert "b.yaml: error: cannot be read" in done.out
    assert done.out.splitlines()[-1].endswith(" errors, 0 warnings, 0 notes")


def test_the_report_of_the_shop_tells_what_the_nic_decides(run):
    done = run("compile", "-f", SHOP)
    assert done.code == 0
    rows = {line.split()[0]: line for line in done.out.splitlines() if "shop/shop/" in line}
    assert " exact " in rows["shop/shop/products"]
    assert " provisional " in rows["shop/shop/orders"]
    assert "regex '/api/orders/[0-9]+(/.*)?'" in rows["shop/shop/orders"]
    assert ["rows", "11", "245"] in [line.split() for line in done.out.splitlines()]


@pytest.mark.parametrize(("nic", "state"), [("off", "none"), ("reference", "decided")])
def test_serving_with_the_access_log_on_standard_output(process, nic, state):
    with process(
        *("serve", "-f", SHOP, "--nic", nic, "--listen", "127.0.0.1:0", "--access-log", "-")
    ) as gateway:
        first = gateway.stderr.readline()
        assert first.startswith("listening on http://127.0.0.1:")
        address = first.split(",")[0].rpartition("/")[2]
        assert gateway.stderr.readline() == (
            f"try: curl -H 'Host: shop.example.com' http://{address}/\n"
        )
        client = http.client.HTTPConnection(address, timeout=10)
        client.request("GET", "/", headers={"Host": "nobody.example"})
        assert client.getresponse().status == 404
        entry = json.loads(gateway.stdout.readline())
        assert entry["authority"] == "nobody.example"
        assert entry["response_flags"] == "NR"
        assert entry["verdict"]["state"] == state

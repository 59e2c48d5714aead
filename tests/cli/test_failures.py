"""Every failure is one clear line on standard error and an exit code that is not zero."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import SHOP, Done

VIRTUAL_SERVICE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  http:
    - route: [{destination: {host: web}}]
  tcp: [{route: [{destination: {host: web}}]}]
"""


def assert_line(done, *parts: str, code: int = 1) -> None:
    assert done.code == code
    assert done.out == ""
    assert done.err.startswith("hybridmesh: ")
    assert done.err.count("\n") == 1
    for part in parts:
        assert part in done.err


@pytest.mark.parametrize("command", ["compile", "serve", "explain"])
def test_a_missing_file_is_named(run, command):
    assert_line(run(command, "-f", "nowhere.yaml"), "nowhere.yaml", "No such file or directory")


@pytest.mark.parametrize("word", ["none", "eth:", "xeth:eth1"])
def test_a_nic_that_is_none_is_refused_with_the_words_that_there_are(run, word):
    done = run("serve", "-f", SHOP, "--nic", word)
    assert_line(done, f"{word!r} is none of sim, reference, off, eth:IFACE", code=2)


def test_a_board_that_nobody_keeps_is_named_with_the_remedy(run, monkeypatch, tmp_path):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    done = run("serve", "-f", SHOP, "--nic", "eth:eth9")
    assert_line(done, "eth9: No NIC is kept", "run: hybridmesh tunnel load eth9 -f")


def test_a_board_has_its_own_file_of_what_it_was_loaded_with(run):
    done = run("serve", "-f", SHOP, "--nic", "eth:eth9", "--tunnel", __file__)
    assert_line(done, "--tunnel goes without --nic eth:eth9", code=2)


def test_ports_of_verdicts_go_with_a_table(run):
    assert_line(run("tunnel", "load", "eth9", "--port", 80), "--port goes with --file", code=2)


def test_a_missing_batch_file_is_named(run):
    done = run("explain", "-f", SHOP, "--nic", "off", "--batch", "nowhere.jsonl")
    assert_line(done, "nowhere.jsonl", code=2)


@pytest.mark.parametrize("command", ["compile", "serve", "explain"])
def test_wrong_yaml_is_named_with_its_line(run, tmp_path, command):
    file = tmp_path / "wrong.yaml"
    file.write_text("kind: Gateway\nspec: [\n")
    assert_line(run(command, "-f", file), "wrong.yaml:")


def test_a_field_that_is_not_done_yet_is_named_with_its_path(run, tmp_path):
    file = tmp_path / "tcp.yaml"
    file.write_text(VIRTUAL_SERVICE)
    assert_line(run("compile", "-f", file), "tcp.yaml:8", "spec.tcp")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["compile"], "'-f'"),
        (["fly"], "'fly'"),
        (["serve", "-f", "x", "--nic", "board"], "'board'"),
        (["serve", "-f", "x", "--listen", "here"], "127.0.0.1:8080"),
        (["serve", "-f", "x", "--listen", "1.2.3.4:70000"], "127.0.0.1:8080"),
        (["explain", "-f", SHOP, "--nic", "off", "--url", "ftp://a"], "ftp://a"),
        (["explain", "-f", SHOP, "-H", "a: b"], "--url"),
        (["explain", "-f", SHOP, "--json", "--batch", "-"], "--batch"),
    ],
)
def test_wrong_usage_says_where_help_is(run, arguments, part):
    assert_line(run(*arguments), part, "--help)", code=2)


def test_a_size_that_no_nic_has_is_refused(run, tmp_path):
    file = tmp_path / "nic.v"
    assert_line(run("verilog", "-o", file, "--rows", 5), "rows", "1024", "5")
    assert not file.exists()


def test_a_port_in_use_is_named(run):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        done = run("serve", "-f", SHOP, "--nic", "off", "--listen", address)
        assert_line(done, address, "address already in use", "--listen")


def test_an_address_of_another_machine_is_named(run):
    done = run("serve", "-f", SHOP, "--nic", "off", "--listen", "192.0.2.1:8080")
    assert_line(done, "192.0.2.1:8080", "cannot assign requested address", "--listen")


def test_a_folder_without_yaml_is_named(run, tmp_path):
    assert_line(run("serve", "-f", tmp_path), str(tmp_path), "no YAML files")


def test_the_demo_names_a_port_in_use(run):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        done = run("demo", "--nic", "off", "--serve", "--listen", address)
        assert_line(done, address, "address already in use", "--listen")


@pytest.mark.parametrize("command", [["explain", "-f", SHOP, "--url", "http://a/"], ["demo"]])
def test_a_missing_compiler_is_named_with_its_package(run, monkeypatch, tmp_path, command):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert_line(run(*command), "g++", "apt-get install g++")


def test_sizes_that_the_rtl_cannot_be_built_with_are_named(run, tmp_path):
    done = run("verilog", "-o", tmp_path / "nic.v", "--host-bytes", 128)
    assert_line(done, "at width 8 a host key can have 64 bytes, not 128")


def test_missing_python_packages_are_named_with_the_extra(tmp_path):
    code = "import sys; sys.modules['amaranth'] = None; from hybridmesh.cli import main; "
    done = subprocess.run(
        [sys.executable, "-c", code + "sys.exit(main())", "verilog", "-o", tmp_path / "nic.v"],
        capture_output=True,
        text=True,
    )
    assert_line(
        Done(done.returncode, done.stdout, done.stderr), "amaranth", "pip install 'hybridmesh[sim]'"
    )


def test_a_file_that_cannot_be_written_is_named(run, tmp_path):
    done = run(
        *("serve", "-f", SHOP, "--nic", "off", "--listen", "127.0.0.1:0"),
        *("--access-log", tmp_path / "no" / "access.log"),
    )
    assert_line(done, "access.log", "No such file or directory")


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [(signal.SIGINT, 130, "hybridmesh: interrupted"), (signal.SIGTERM, 0, "")],
)
def test_the_gateway_stops_on_a_signal_and_leaves_its_port(process, number, code, line):
    with process("serve", "-f", SHOP, "--nic", "off", "--listen", "127.0.0.1:0") as gateway:
        port = int(gateway.stderr.readline().split(",")[0].rpartition(":")[2])
        gateway.stderr.readline()
        gateway.send_signal(number)
        _, err = gateway.communicate(timeout=20)
        assert gateway.returncode == code
        assert err.strip() == line
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [(signal.SIGINT, 130, "hybridmesh: interrupted"), (signal.SIGTERM, 143, "")],
)
def test_a_signal_ends_the_demo_and_all_that_it_started(process, number, code, line):
    arguments = ("demo", "--nic", "reference", "--serve", "--listen", "127.0.0.1:0")
    with process(*arguments) as demo:
        words = demo.stdout.readline().split()
        port = int(words[4].rstrip(",").rpartition(":")[2])
        log = Path(words[words.index("log:") + 1].rstrip(";"))
        assert log.exists()
        demo.send_signal(number)
        _, err = demo.communicate(timeout=20)
        assert demo.returncode == code
        assert err.strip() == line
    assert not log.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_a_reader_that_goes_away_ends_it_quietly(process):
    with process("explain", "-f", SHOP, "--nic", "off", "--batch", "-") as explain:
        explain.stdout.close()
        explain.stdin.write('{"id": 1, "head_b64": ""}\n')
        explain.stdin.close()
        assert explain.stderr.read() == ""
        assert explain.wait(20) != 0

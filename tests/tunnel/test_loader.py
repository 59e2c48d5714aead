"""Loading and unloading: what is missing is named, nothing stays, whatever happens."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybridmesh.lab.namespace import Namespace
from hybridmesh.tunnel import features, libbpf, objects, tc
from hybridmesh.tunnel.cgroup import Cgroup, hierarchy
from hybridmesh.tunnel.errors import TunnelError
from hybridmesh.tunnel.loader import Tunnel
from hybridmesh.tunnel.programs import Programs

from .stage import own_cgroup


@pytest.fixture
def host(loaded: Programs) -> Iterator[Namespace]:
    made = Namespace()
    yield made
    made.close()


def xdp_of(host: Namespace, interface: str) -> bool:
    return "xdp" in host.run("ip", "link", "show", "dev", interface)


def test_all_ends_with_the_tunnel(host: Namespace):
    cgroup = own_cgroup()
    with host.inside(), Tunnel("lo", cgroup) as tunnel:
        assert xdp_of(host, "lo")
        assert cgroup.is_dir()
        assert (tunnel.flows, tunnel.waiting) == (0, 0)
        assert not any(tunnel.counters().values())
    tunnel.close()
    assert not xdp_of(host, "lo")
    assert not cgroup.exists()


def test_a_cgroup_that_was_there_stays(host: Namespace):
    cgroup = own_cgroup()
    cgroup.mkdir()
    try:
        with host.inside(), Tunnel("lo", cgroup):
            pass
        assert cgroup.is_dir()
    finally:
        cgroup.rmdir()


def test_all_ends_with_a_helper_that_is_killed(host: Namespace):
    program = """if True:
        import pathlib, sys, time
        from hybridmesh.tunnel.loader import Tunnel
        tunnel = Tunnel("lo", pathlib.Path(sys.argv[1]))
        print("loaded", flush=True)
        time.sleep(99)
    """
    cgroup = own_cgroup()
    with host.inside():
        helper = subprocess.Popen(
            [sys.executable, "-c", program, str(cgroup)], stdout=subprocess.PIPE
        )
    assert helper.stdout is not None
    assert helper.stdout.readline() == b"loaded\n"
    assert xdp_of(host, "lo")
    helper.send_signal(signal.SIGKILL)
    helper.wait()
    helper.stdout.close()
    end = time.monotonic() + 5
    while xdp_of(host, "lo") and time.monotonic() < end:
        time.sleep(0.01)
    assert not xdp_of(host, "lo")
    cgroup.rmdir()


def refusal(host: Namespace, interface: str, cgroup: Path, mode: str = "auto") -> str:
    with host.inside(), pytest.raises(TunnelError) as caught:
        Tunnel(interface, cgroup, mode)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_root_of_all_cgroups_is_refused_and_nothing_stays(host: Namespace):
    assert "no cgroup2 group of its own" in refusal(host, "lo", hierarchy())
    assert not xdp_of(host, "lo")


def test_a_folder_that_is_no_cgroup_is_refused_and_goes(host: Namespace, tmp_path: Path):
    assert "no cgroup2 group of its own" in refusal(host, "lo", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert "cannot be made (No such file" in refusal(host, "lo", tmp_path / "none" / "new")


def test_an_interface_that_is_not_there_is_named(host: Namespace):
    assert refusal(host, "eth7", own_cgroup()).startswith("eth7: There is no such network")


def test_an_interface_without_room_for_the_shim_is_refused(host: Namespace):
    host.run("ip", "link", "set", "dev", "lo", "mtu", "1539")
    assert "ip link set dev lo mtu 1540" in refusal(host, "lo", own_cgroup())


def test_a_driver_without_xdp_is_said_to_be_so(host: Namespace):
    cgroup = own_cgroup()
    assert "cannot be attached in mode native" in refusal(host, "lo", cgroup, "native")
    assert not cgroup.exists()


def test_where_the_place_of_xdp_is_taken_the_tunnel_runs_at_tc(
    host: Namespace, caplog: pytest.LogCaptureFixture
):
    first, second = own_cgroup(), own_cgroup().with_name(f"{own_cgroup().name}-2")
    with host.inside(), Tunnel("lo", first):
        assert "run: ip link set dev lo xdp off" in refusal(host, "lo", second, "generic")
        caplog.clear()
        with Tunnel("lo", second) as tunnel:
            assert tunnel.mode == "tc"
        assert "another XDP program" in caplog.text
        assert xdp_of(host, "lo")


def filters_of(host: Namespace) -> str:
    return host.run("tc", "filter", "show", "dev", "lo", "ingress")


@pytest.fixture
def no_links_at_tc(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is older than 6.6."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EINVAL, "")

    monkeypatch.setattr(tc, "link", refuse)


def test_a_kernel_without_links_at_tc_has_a_filter_that_ends_with_the_tunnel(
    host: Namespace, no_links_at_tc: None
):
    host.run("tc", "qdisc", "add", "dev", "lo", "clsact")
    other = ("pref", "7", "protocol", "ip", "u32", "match", "u32", "0", "0", "flowid", "1:1")
    host.run("tc", "filter", "add", "dev", "lo", "ingress", *other)
    before = filters_of(host)
    with host.inside():
        for _ in range(2):
            with Tunnel("lo", own_cgroup(), "tc") as tunnel:
                assert tunnel.mode == "tc"
                assert "pref 1 bpf chain 0 handle 0x484d" in filters_of(host)
            assert filters_of(host) == before


def test_a_filter_ends_with_a_helper_that_is_killed(host: Namespace):
    program = """if True:
        import errno, pathlib, sys, time
        from hybridmesh.tunnel import tc
        from hybridmesh.tunnel.loader import Tunnel
        def refuse(*_):
            raise OSError(errno.EINVAL, "")
        tc.link = refuse
        tunnel = Tunnel("lo", pathlib.Path(sys.argv[1]), "tc")
        print("loaded", flush=True)
        time.sleep(99)
    """
    cgroup = own_cgroup()
    with host.inside():
        helper = subprocess.Popen(
            [sys.executable, "-c", program, str(cgroup)], stdout=subprocess.PIPE
        )
    assert helper.stdout is not None
    assert helper.stdout.readline() == b"loaded\n"
    assert filters_of(host)
    helper.send_signal(signal.SIGKILL)
    helper.wait()
    helper.stdout.close()
    end = time.monotonic() + 5
    while filters_of(host) and time.monotonic() < end:
        time.sleep(0.01)
    assert not filters_of(host)
    cgroup.rmdir()


def test_a_missing_tc_is_named_with_its_package(
    host: Namespace, no_links_at_tc: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tc.shutil, "which", lambda name: None)
    said = refusal(host, "lo", own_cgroup(), "tc")
    assert said == "The command tc is missing; run: apt-get install iproute2"


def test_a_missing_clang_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(TunnelError, match="clang, which is missing; run: apt-get install clang"):
        objects.objects()


def test_objects_that_are_built_need_no_clang(loaded: Programs, monkeypatch: pytest.MonkeyPatch):
    built = objects.objects()
    monkeypatch.setenv("PATH", "")
    assert objects.objects() == built
    assert all(path.exists() for path in built.values())


def test_a_program_that_does_not_compile_is_said_to_be_so(
    loaded: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name in objects.ALL:
        (tmp_path / f"{name}.bpf.c").write_text("int wrong")
    monkeypatch.setattr(objects, "_SOURCES", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    said = r"clang failed while the tunnel was built: .*xdp\.bpf\.c:1:10: error: expected"
    with pytest.raises(TunnelError, match=said):
        objects.objects()
    assert not list((tmp_path / "hybridmesh").glob("bpf-*/"))


def test_a_missing_libbpf_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch):
    def missing(name: str, **options: object) -> None:
        raise OSError

    monkeypatch.setattr(libbpf.ctypes, "CDLL", missing)
    with pytest.raises(TunnelError, match=r"libbpf 1\.0 or newer is missing; run: apt-get install"):
        libbpf._Library()()


def test_what_the_verifier_says_is_in_the_error(
    loaded: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    sources = tmp_path / "bpf"
    sources.mkdir()
    for path in objects._SOURCES.iterdir():
        text = path.read_text().replace("if ((void *)(ethernet + 1) > end)", "if (0)")
        (sources / path.name).write_text(text)
    monkeypatch.setattr(objects, "_SOURCES", sources)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(TunnelError, match=r"xdp\.o: The kernel does not take it \(EACCES: R\d+ "):
        Programs()


def test_a_user_without_capabilities_is_told_which(privileged: None):
    program = """if True:
        import os
        os.setresuid(65534, 65534, 65534)
        from hybridmesh.tunnel.features import check_privileges
        check_privileges()
    """
    # The package is read before the privileges go: it may stand where nobody else may look.
    program = program.replace("import os", "import os, hybridmesh.tunnel.features", 1)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "user 65534: Loading programs into the kernel takes CAP_NET_ADMIN and CAP_BPF" in (
        done.stderr
    )


def test_two_capabilities_are_enough(loaded: Programs):
    kept = "-all,+bpf,+net_admin"
    program = (
        "from hybridmesh.tunnel.programs import Programs; "
        "print(open('/proc/self/status').read().count('CapEff:\t0000008000001000')); Programs()"
    )
    limits = ["--bounding-set", f"{kept},+setpcap", "--inh-caps", kept, "--"]
    drop = ["setpriv", *limits, "setpriv", "--bounding-set=-setpcap", "--"]
    done = subprocess.run(
        [*drop, sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_features_that_the_kernel_lacks_are_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(features, "supports_program", lambda kind: kind != 25)
    monkeypatch.setattr(features, "supports_map", lambda kind: kind != 24)
    monkeypatch.setattr(features, "supports_helper", lambda program, helper: True)
    with pytest.raises(TunnelError) as caught:
        features.check_features()
    assert str(caught.value) == (
        f"Linux {os.uname().release}: This kernel lacks getsockopt programs of a cgroup "
        "(CONFIG_CGROUP_BPF), maps kept in sockets; use a newer kernel, or the gateway without "
        "the tunnel"
    )


def test_this_kernel_has_all_features(loaded: Programs):
    features.check_features(shortcut=True, forwarding=True)


def test_a_cgroup_with_processes_is_not_removed(privileged: None):
    made = Cgroup(own_cgroup())
    sleeper = subprocess.Popen(["sleep", "99"])
    (made.path / "cgroup.procs").write_text(str(sleeper.pid))
    made.close()
    assert made.path.is_dir()
    sleeper.kill()
    sleeper.wait()
    made.path.rmdir()

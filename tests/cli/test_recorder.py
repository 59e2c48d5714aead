"""``explain --trace`` and ``--waves``: the files that come of them, and that none come by half."""

import os
from pathlib import Path

import pytest

from hybridmesh.cli import recorder
from hybridmesh.contract.geometry import Geometry
from hybridmesh.errors import HybridMeshError
from hybridmesh.nic import NicError, SimulatedNic, build

from .conftest import SHOP

DOCS = SHOP.parents[1] / "docs"
URL = ("--url", "http://shop.example.com/api/reviews/7?page=2", "-H", "x-user-group: beta")


@pytest.fixture
def explain(run):
    return lambda *arguments: run("explain", "-f", SHOP, *URL, *arguments)


@pytest.fixture
def no_nic(monkeypatch):
    """Whoever builds a NIC has found nothing wrong with what was asked."""

    def fail(geometry: Geometry, waves: str | None = None) -> Path:
        raise AssertionError("a NIC is built")

    monkeypatch.setattr("hybridmesh.nic.simulated.shared_library", fail)


def test_the_picture_in_the_docs_is_what_its_command_draws(explain, tmp_path):
    picture = tmp_path / "trace.svg"
    done = explain("--trace", picture)
    assert done.code == 0
    assert done.out.startswith("NIC verdict   decided, row 4 of epoch 1, after ")
    assert os.listdir(tmp_path) == ["trace.svg"]
    assert picture.read_text() == (DOCS / "trace.svg").read_text(), "make it anew, see docs"


def test_waves_come_with_their_views(explain, tmp_path):
    waves = tmp_path / "head.vcd"
    done = explain("--waves", waves, "--json")
    assert done.code == 0
    assert done.out.startswith("{")
    assert done.err.splitlines()[-1] == (
        f"{waves}: open it with gtkwave {tmp_path}/head.gtkw, or surfer -c {tmp_path}/head.sucl"
    )
    assert sorted(os.listdir(tmp_path)) == ["head.gtkw", "head.sucl", "head.vcd"]
    assert waves.read_text().startswith("$version")
    assert f'[dumpfile] "{waves}"' in (tmp_path / "head.gtkw").read_text()
    assert f"load_file {waves}" in (tmp_path / "head.sucl").read_text()


def test_a_refused_head_is_drawn_all_the_same(explain, tmp_path):
    done = explain("-H", "Host: again", "-H", "Host: and-again", "--trace", tmp_path / "t.svg")
    assert done.code == 1
    assert "malformed" in (tmp_path / "t.svg").read_text()


@pytest.mark.parametrize("nic", ["reference", "off"])
@pytest.mark.parametrize("option", ["--trace", "--waves"])
def test_no_other_nic_can_be_looked_into(explain, tmp_path, nic, option, no_nic):
    done = explain("--nic", nic, option, tmp_path / "file.fst")
    assert (done.code, done.out, os.listdir(tmp_path)) == (1, "", [])
    assert done.err == (
        f"hybridmesh: --trace and --waves show the RTL at work, and --nic {nic} is not the RTL; "
        "say --nic sim\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (["--width", "8"], 2, ["--width goes with --trace or --waves"]),
        (["--trace", "t.svg", "--width", "0"], 1, ["width must be one of", "not 0"]),
        (["--trace", "t.svg", "--width", "7"], 1, ["width must be one of", "not 7"]),
        (["--waves", "w.txt"], 1, ["w.txt", "ends in .fst or .vcd"]),
        (["--trace", "no/t.svg"], 1, ["no/t.svg", "No such file", "can be written"]),
        (["--waves", "no/w.vcd"], 1, ["no/w.vcd", "No such file", "can be written"]),
        (["--trace", "."], 2, ["is a directory"]),
    ],
)
def test_what_cannot_be_made_is_said_at_once(
    explain, tmp_path, monkeypatch, no_nic, arguments, code, parts
):
    monkeypatch.chdir(tmp_path)
    done = explain(*arguments)
    assert (done.code, done.out, os.listdir(tmp_path)) == (code, "", [])
    for part in parts:
        assert part in done.err


def test_many_heads_are_not_drawn(run, tmp_path, no_nic):
    done = run("explain", "-f", SHOP, "--batch", os.devnull, "--trace", tmp_path / "t.svg")
    assert done.code == 2
    assert "--trace and --waves go without --batch" in done.err


def test_an_empty_head_is_not_drawn(tmp_path, no_nic):
    with pytest.raises(HybridMeshError, match="The head is empty"):
        recorder.explain_and_record(
            None, b"", lambda explainer: 0, width=8, trace=tmp_path / "t.svg", waves=None
        )


@pytest.mark.parametrize("error", [KeyboardInterrupt, NicError("no")], ids=["ctrl-c", "failure"])
def test_what_stood_there_stays_when_it_fails(explain, tmp_path, monkeypatch, error):
    def fail(*_: object) -> str:
        raise error

    monkeypatch.setattr(recorder, "draw", fail)
    (tmp_path / "t.svg").write_text("before")
    done = explain("--trace", tmp_path / "t.svg")
    assert done.code == (130 if error is KeyboardInterrupt else 1)
    assert os.listdir(tmp_path) == ["t.svg"]
    assert (tmp_path / "t.svg").read_text() == "before"


def test_a_missing_header_is_named_with_its_package_and_the_way_out(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "_FST_HEADERS", {"nowhere/lz4.h": "liblz4-dev"})
    with pytest.raises(NicError) as caught:
        SimulatedNic(Geometry(), "fst")
    assert "nowhere/lz4.h" in str(caught.value)
    assert str(caught.value).endswith(
        "run: apt-get install liblz4-dev, or name a file that ends in .vcd"
    )

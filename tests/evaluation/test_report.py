"""The report, from samples that nobody took."""

import json

import pytest
import yaml

from hybridmesh.evaluation import model
from hybridmesh.evaluation.profile import shares
from hybridmesh.evaluation.report import BEGIN, END, report, write_page
from hybridmesh.evaluation.site import EvaluationError
from hybridmesh.evaluation.workload import Workload

from .madeup import kept, sample

BASE, ISTIO, LARGE = Workload(), Workload(istio=True), Workload(routes=5000)


def rounds(workload, peer, count=3, **values):
    return [sample(workload.name, number, peer, **values) for number in range(count)]


def row(text, *words):
    """The one line of a table that has all *words*."""
    (line,) = (line for line in text.splitlines() if all(word in line for word in words))
    return line


def test_targets_are_computed_from_the_samples(tmp_path):
    samples = kept(
        tmp_path,
        *rounds(ISTIO, "envoy", user=80.0, system=20.0),
        *rounds(ISTIO, "stamped", user=8.0, system=12.0),
        *rounds(LARGE, "stamped", rss=120_000_000),
    )
    text = report(samples)
    assert row(text, "100 Istio-like").endswith("| at least 4.4 | 5.00 (5.00 to 5.00) | met |")
    assert row(text, "resident memory at 5000").endswith("| 120 (120 to 120) | missed |")
    assert row(text, "1000 three-condition").endswith("| - | not measured |")


def test_costs_stand_beside_each_other(tmp_path):
    costs = (70.0, 90.0, 80.0)
    taken = [sample(BASE.name, n, "envoy", user=cost, system=5) for n, cost in enumerate(costs)]
    text = report(kept(tmp_path, *taken, *rounds(BASE, "stamped", user=10, system=5)))
    _, _, costs_of_all = text.partition("## CPU per request")
    assert row(costs_of_all.partition("<details>")[0], "100 prefix") == (
        "| 100 prefix routes, last hit | 85.0 (75.0 to 95.0) | 15.0 (15.0 to 15.0) |"
    )
    ratios = text.partition("## Ratios")[2].partition("## ")[0]
    assert "| 100 prefix routes, last hit | 5.67 (5.00 to 6.33) |" in ratios


def test_too_few_samples_make_no_table(tmp_path):
    text = report(kept(tmp_path, *rounds(BASE, "envoy", 2), *rounds(BASE, "stamped", 2)))
    costs = text.partition("## CPU per request")[2].partition("## ")[0]
    assert "| " not in costs
    assert "Too few samples: a table takes 3 rounds of a workload." in costs


def test_without_stamped_verdicts_the_targets_are_for_no_nic(tmp_path):
    text = report(kept(tmp_path, *rounds(BASE, "off")))
    assert "## Targets\n\nHybridMesh, no NIC." in text


def test_what_was_not_measured_is_said_with_its_reason(tmp_path):
    text = report(kept(tmp_path, *rounds(BASE, "stamped"))).partition("## What was not")[2]
    assert "* HAProxy is missing; run: apt-get install haproxy." in text
    assert (
        "* HybridMesh, verdicts stamped, 1 of 28 workloads: the NIC sees no heads in TLS." in text
    )


def test_a_machine_with_other_work_is_told_of(tmp_path):
    text = report(kept(tmp_path, *rounds(BASE, "stamped", others=0.8)))
    assert "**The machine was not quiet**: others took 80% of a core." in text


def test_the_page_keeps_what_is_written_by_hand(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nbehind\n")
    said = write_page(page, kept(tmp_path / "s", *rounds(BASE, "stamped")))
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n\n## Set-up")
    assert text.endswith(f"{END}\nbehind\n")
    assert "old" not in text
    assert said in ("", "no plots, for matplotlib is missing; run: pip install 'hybridmesh[bench]'")


def test_a_page_without_a_place_is_left_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("by hand\n")
    with pytest.raises(EvaluationError, match="put the lines"):
        write_page(page, kept(tmp_path / "s"))
    assert page.read_text() == "by hand\n"


def test_growth_is_drawn_in_both_formats(tmp_path):
    pytest.importorskip("matplotlib")
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    few, many = Workload(routes=10), Workload(routes=1000)
    taken = [*rounds(few, "stamped"), *rounds(many, "stamped"), *rounds(many, "envoy")]
    write_page(page, kept(tmp_path / "s", *taken))
    assert sorted(path.name for path in (tmp_path / "page").iterdir()) == [
        "routes.png",
        "routes.svg",
    ]
    assert "(page/routes.svg)" in page.read_text()


def test_where_the_cpu_goes_is_told_by_shared_objects(tmp_path):
    printed = (
        "\n 60.5% |envoy        \n 30.0% |[kernel.kallsyms]\n 9.1%|libc.so.6\n 0.4%|[vdso]\n\n"
    )
    found = shares(printed)
    assert found == {"envoy": 0.605, "the kernel": 0.3, "libc.so.6": 0.091, "[vdso]": 0.004}
    samples = kept(tmp_path, *rounds(BASE, "envoy"))
    assert "## Where" not in report(samples)
    (tmp_path / "profile.json").write_text(json.dumps({"envoy": found}))
    assert (
        row(report(samples), "libc.so.6") == "| Envoy | envoy 60%, the kernel 30%, libc.so.6 9% |"
    )


# ------------------------------------------------------------------ the model


def assumed(**changed):
    values = {
        "server.cores": 10, "server.usable_share": 0.5, "server.price_usd": 900,
        "server.watts": 90, "nic.price_usd": 100, "nic.watts": 10,
        "fpga_nic.price_usd": 1100, "fpga_nic.watts": 110, "fpga_nic.gbps": 8,
    } | changed  # fmt: skip
    return {name: model.Input(name, value, "made up") for name, value in values.items()}


def test_the_model_divides_seconds_of_cpu_by_what_a_request_takes():
    cpu, hybrid = model.options(assumed(), 100.0, 20.0, 1000)
    assert (cpu.rate, cpu.usd, cpu.watts, cpu.limit) == (50_000, 1000, 100, "cores")
    assert (hybrid.rate, hybrid.usd, hybrid.watts, hybrid.limit) == (250_000, 2000, 200, "cores")


def test_the_wire_is_a_limit_of_the_model():
    _, hybrid = model.options(assumed() | assumed(**{"fpga_nic.gbps": 0.8}), 100.0, 20.0, 1000)
    assert (hybrid.rate, hybrid.limit) == (100_000, "wire")


def test_each_input_has_a_source():
    assert all(one.source for one in model.inputs().values())


def test_an_input_without_a_source_is_refused(tmp_path):
    path = tmp_path / "model.yaml"
    sections = yaml.safe_load(model.INPUTS.read_text())
    del sections["server"]["watts"]["source"]
    path.write_text(yaml.safe_dump(sections))
    with pytest.raises(EvaluationError, match="no value or no source"):
        model.inputs(path)


def test_the_model_is_told_apart_from_what_was_measured(tmp_path):
    samples = kept(
        tmp_path,
        *rounds(ISTIO, "envoy", user=80.0, system=20.0),
        *rounds(ISTIO, "stamped", user=8.0, system=12.0),
    )
    section = report(samples).partition("## A model of cost and power")[2].partition("## ")[0]
    assert "This is no measurement." in section
    assert row(section, "| CPU only |").startswith("| CPU only | 288,000 | cores | 9,400 | 415 |")
    assert row(section, "server.cores") == (
        "| server.cores | 32 | assumed, one socket of a common server |"
    )

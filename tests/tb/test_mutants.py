"""Mutants: what each operator makes of a source, what becomes of mutants, and their short form."""

import ast
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from hybridmesh.errors import HybridMeshError
from tb.mutants import __main__ as command
from tb.mutants import session
from tb.mutants.argued import ARGUED, Argued
from tb.mutants.depends import Dependencies
from tb.mutants.edits import Source
from tb.mutants.mutant import mutants_of, sample
from tb.mutants.netlists import netlists
from tb.mutants.operators import OPERATORS, edits
from tb.mutants.suites import ROOMS, Suites
from tb.mutants.trial import Result, Trials
from tb.mutants.workshop import Workshop, root

# ------------------------------------------------------------------ operators
FAULTS = {
    "condition": {
        "with m.If(a & b):\n  pass": {"with m.If((a & b) == 0):\n  pass"},
        "Mux(a, b, c)": {"Mux((a) == 0, b, c)"},
        "if a:\n  b": {"if not (a):\n  b"},
        "[a for a in b if c]": {"[a for a in b if not (c)]"},
        "while a:\n  b": set(),
    },
    "comparison": {
        "a < b <= c": {"a <= b <= c", "a < b < c"},
        "(a) > (b)": {"(a) >= (b)"},
        "d = a == b": {"d = a != b"},
        "d = a not in b": {"d = a in b"},
        "if a == b:\n  c": set(),  # the opposite of the condition
        "if a >= b:\n  c": {"if a > b:\n  c"},
    },
    "logic": {
        "a & b | ~c": {"a | b | ~c", "a & b & ~c", "a & b | c"},
        "a and b or c": {"a or b or c", "a and b and c"},
        "a |= b": {"a &= b"},
        "d = not (a)": {"d =  (a)"},
        "with m.If(~a):\n  pass": set(),
        "def f(a: int | None) -> int | None: ...": set(),
    },
    "arithmetic": {
        "a + b * c": {"a - b * c", "a + b + c"},
        "a << (b)": {"a >> (b)"},
        "a += b": {"a -= b"},
        "m.d.sync += a": set(),
        "'a' + b": set(),
        "[a] + [b]": set(),
    },
    "choice": {"min(a)": {"max(a)"}, "a.any()": {"a.all()"}, "a.many()": set()},
    "number": {
        "a[0]": {"a[1]"},
        "a(b=True)": {"a(b=False)"},
        "zip(a, strict=True)": set(),
        "stream.Signature(a, always_ready=True)": set(),
        "Signal(4)": set(),
        "Signal(4, init=1)": {"Signal(4, init=2)"},
        "f'{a + 1}'": set(),
        "'1'": set(),
    },
    "width": {
        "Signal(4)": {"Signal(3)"},
        "Signal(1)": set(),
        "In(range(a))": {"In(range((a) // 2))"},
        "StructLayout({'a': 8})": {"StructLayout({'a': 7})"},
    },
    "range": {"range(a)": {"range((a) - 1)"}, "range(8)": set(), "Signal(range(a))": set()},
    "lane": {
        "a[n]": {"a[n - 1]"},
        "a[b + 1]": {"a[(b + 1) - 1]"},
        "a[b:]": {"a[(b) - 1:]"},
        "a[name]": set(),
        "a[2:4]": set(),
    },
    "stage": {
        "delayed(m, a, b)": {"delayed(m, a, (b) - 1)"},
        "m.d.sync += a.eq(b)": {"m.d.comb += a.eq(b)"},
        "m.d.sync += a.eq(a + 1)": set(),
        "with m.If(c):\n  m.d.sync += a.eq(b)": set(),
    },
    "drop": {
        "m.d.comb += [a.eq(b), c.eq(d)]": {
            "m.d.comb += [[], c.eq(d)]",
            "m.d.comb += [a.eq(b), []]",
        },
        "a.append(b)": {"pass"},
        "a += b": {"pass"},
        "super().__init__(a)": set(),
        "if a:\n  raise B('c' + d)": {"if a:\n  pass"},
        "for a in b:\n  continue": {"for a in b:\n  pass"},
    },
    "stuck": {"a.eq(b)": {"a.eq(-1)"}, "a.eq(1)": set()},
}


@pytest.mark.parametrize(
    ("operator", "text", "mutants"),
    [(name, text, mutants) for name, texts in FAULTS.items() for text, mutants in texts.items()],
)
def test_an_operator_puts_its_faults_in(operator, text, mutants):
    source = Source(text)
    assert {source.edited(e) for e in edits(source) if e.operator == operator} == mutants


def test_every_operator_is_shown_at_work():
    assert set(FAULTS) == set(OPERATORS)


def test_a_place_is_counted_in_bytes_and_shown_in_lines():
    source = Source("é = 'é'; x = 3\ny = [1,\n     x < 2]\n")
    (edit,) = (e for e in edits(source) if e.operator == "comparison")
    assert source.place(edit.start) == (3, 8)
    assert source.lines(edit) == ("     x < 2]\n", "     x <= 2]\n")
    assert source.edited(edit) == "é = 'é'; x = 3\ny = [1,\n     x <= 2]\n"


@pytest.mark.parametrize("path", ["rtl/match/turns.py", "rtl/flow/told.py", "sw/reference/path.py"])
def test_the_mutants_of_a_source_are_programs_and_differ(path):
    mutants = mutants_of(root, path)
    programs = {ast.dump(ast.parse(mutant.text)) for mutant in mutants}
    assert len(programs - {ast.dump(ast.parse(mutants[0].source.text))}) == len(mutants) > 10
    assert len({mutant.name for mutant in mutants}) == len(mutants)


def test_a_sample_has_something_of_every_operator_and_is_the_same_again():
    mutants = mutants_of(root, "rtl/match/turns.py")
    operators = {mutant.edit.operator for mutant in mutants}
    chosen = sample(mutants, len(operators), seed=1)
    assert {mutant.edit.operator for mutant in chosen} == operators
    assert sample(mutants, len(operators), seed=1) == chosen != sample(mutants, len(operators), 2)
    assert len(sample(mutants, 10**6, seed=1)) == len(mutants)


# ------------------------------------------------------------------ what depends on what
def test_what_a_test_comes_to_import_is_found():
    found = Dependencies(root).of(["tests/rtl/match/test_shift.py"])
    assert {
        "rtl/__init__.py",
        "rtl/match/shift.py",
        "rtl/pipeline.py",
        "tests/rtl/conftest.py",
        "tests/rtl/keybench.py",
    } <= found
    assert not found & {"rtl/nic.py", "rtl/match/hosts.py", "sw/compiler/table.py"}


def test_a_digest_changes_with_what_is_imported_and_with_nothing_else(tmp_path):
    for path, text in {
        "sw/a.py": "from . import b",
        "sw/b.py": "from hybridmesh.rtl.c import d",
        "rtl/c.py": "",
        "rtl/other.py": "",
        "tests/x/test_a.py": "import helper, hybridmesh.a",
        "tests/helper.py": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    def digest():
        return Dependencies(tmp_path).digest(["tests/x/test_a.py"])

    before = digest()
    (tmp_path / "rtl/other.py").write_text("x = 1")
    assert digest() == before
    for path in ("rtl/c.py", "tests/helper.py"):
        (tmp_path / path).write_text("x = 1")
        assert digest() != before
        before = digest()


def test_every_source_has_tests():
    suites = Suites(root, Dependencies(root))
    sources = [path for room in ROOMS.values() for path in suites.sources(room)]
    assert [path for path in sources if not suites.stages(path).near] == []
    assert {"rtl/engine.py", "rtl/http/lexer.py", "sw/compiler/table.py"} <= set(sources)


def test_the_test_that_mirrors_a_source_comes_first():
    stages = Suites(root, Dependencies(root)).stages("rtl/match/priority.py")
    assert stages.near[0] == ("tests/rtl/match/test_priority.py",)
    assert "tests/rtl/match/test_rows.py" in stages.near[1]
    assert "tests/rtl/match/test_keys.py" not in stages.near[1]
    assert "tests/tb/test_benches.py::test_bench[match_parts-rows8]" in stages.wide


# ------------------------------------------------------------------ the short form
DELAY, SHIFT, FLOW = "rtl/match/delay.py", "rtl/match/shift.py", "sw/contract/flow.py"
MIRRORS = {
    DELAY: "tests/rtl/match/test_delay.py",
    SHIFT: "tests/rtl/match/test_shift.py",
    FLOW: "tests/contract/test_flow.py",
}
SHORT = {
    "condition": (DELAY, "with m.If((pointer == self._clocks - 1) == 0):"),
    "comparison": (DELAY, "if clocks <= 2:"),
    "logic": (FLOW, "return length < JOINED or"),
    "arithmetic": (DELAY, "with m.If(pointer == self._clocks + 1):"),
    "choice": (SHIFT, "return min("),
    "number": (DELAY, "init=2)"),
    "width": (DELAY, "put, get = Signal(range((self._clocks) // 2))"),
    "range": (SHIFT, "range((1 << (high - low)) - 1)"),
    "lane": (SHIFT, "amount[(low) - 1:high]"),
    "stage": (SHIFT, "digit = delayed(m, amount[low:high], (stage) - 1)"),
    "drop": (DELAY, "[],"),
    "stuck": (DELAY, "write.addr.eq(-1),"),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with Workshop(tmp_path_factory.mktemp("mutants")) as opened:
        yield opened


@pytest.fixture(scope="module")
def trials(shop, tmp_path_factory):
    suites = Suites(root, Dependencies(root))
    place = tmp_path_factory.mktemp("trials")
    return {path: Trials(path, shop, place, suites) for path in (DELAY, SHIFT, FLOW)}


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_fault_of_every_operator_is_noticed(operator, trials):
    path, text = SHORT[operator]
    mutant = next(
        mutant
        for mutant in mutants_of(root, path)
        if mutant.edit.operator == operator and text in mutant.lines[1]
    )
    result = trials[path].try_(mutant)
    assert result.outcome == "killed"
    assert result.by.startswith(f"{MIRRORS[path]}::")


# ------------------------------------------------------------------ the process that runs tests
TESTS = "test_x.py"
PLAIN = {"first": [], "left_out": []}


@pytest.fixture
def do(shop):
    """Runs a test of the text given, with a source as it is or another."""

    def run(test: str, text: str | None = None, **seconds: float):
        (shop.tree / TESTS).write_text(test)
        timed = {f"{TESTS}::{name}": value for name, value in seconds.items()}
        return shop.do("tests", "rtl/pipeline.py", text, tests=[TESTS], seconds=timed, **PLAIN)

    return run


READS = "import hybridmesh.rtl.pipeline as p\ndef test_a(): assert p.__all__\n"


def test_a_fault_is_there_for_its_tests_and_then_is_gone(do, shop):
    source = shop.tree / "rtl" / "pipeline.py"
    before = source.read_text(), source.stat().st_mtime_ns
    assert do(READS)["outcome"] == "passed"
    assert do(READS, "__all__ = []\n") == {"outcome": "killed", "by": f"{TESTS}::test_a"}
    assert do(READS, "__all__ = 12\n")["outcome"] == "passed"  # of the same length
    assert do(READS, "__all__ = [\n") == {"outcome": "killed", "by": TESTS}
    assert do(READS)["outcome"] == "passed"
    assert (source.read_text(), source.stat().st_mtime_ns) == before


def test_the_checkout_is_not_what_is_tested(do, shop):
    where = (
        "import hybridmesh.rtl.pipeline as p, pathlib\nat = pathlib.Path(p.__file__).resolve()\n"
    )
    test = f"def test_a(): assert at.is_relative_to({str(shop.tree)!r})"
    assert do(where + test)["outcome"] == "passed"


def test_two_runs_do_not_work_in_one_place(shop):
    with pytest.raises(HybridMeshError, match="another run is at work"):
        Workshop(shop.tree.parent)


def test_a_test_that_does_not_end_is_ended(do, monkeypatch):
    endless = "def test_a():\n  while True: pass\n"
    assert do(endless, "", test_a=-1.5) == {"outcome": "timeout", "by": f"{TESTS}::test_a"}


def test_a_process_that_ends_by_itself_has_noticed(do):
    assert do("import os\ndef test_a(): os.abort()\n", "")["by"] == "the process ended"
    assert do("import sys\ndef test_a(): sys.exit(3)\n", "")["outcome"] == "killed"
    assert do("x = 1\n", "") == {"outcome": "killed", "by": "pytest: NO_TESTS_COLLECTED"}


def test_quick_tests_come_first_and_before_them_what_has_killed(shop):
    test = "def test_a(): assert 0\ndef test_b(): assert 0\ndef test_c(): assert 0\n"
    (shop.tree / TESTS).write_text(test)
    seconds = {f"{TESTS}::test_{name}": took for name, took in (("a", 2), ("b", 1), ("c", 3))}

    def by(*first: str, left_out: tuple[str, ...] = ()) -> str:
        task = {"tests": [TESTS], "seconds": seconds, "first": first, "left_out": left_out}
        return shop.do("tests", "rtl/pipeline.py", "", **task)["by"][-1]

    assert by() == "b"
    assert by(f"{TESTS}::test_c", f"{TESTS}::test_a") == "c"
    assert by(left_out=(f"{TESTS}::test_b",)) == "a"


# ------------------------------------------------------------------ netlists
def test_netlists_tell_hardware_apart_and_which_lines_make_it():
    names = [f"stream_parts-{part}" for part in ("register_slice", "fifo", "small_fifo")]
    path = str(root / "rtl" / "stream.py")
    said = netlists(names, path)
    assert list(said["hashes"]) == names
    assert len(set(said["hashes"].values())) == 3
    lines = Path(path).read_text().splitlines()
    run = [lines[number - 1] for number in said["lines"]]
    assert any(".eq(" in line for line in run)
    assert not any("raise" in line for line in run)
    assert netlists(names) == {"hashes": said["hashes"], "lines": []}


def test_the_netlists_of_a_source_are_those_that_it_is_a_part_of():
    suites = Suites(root, Dependencies(root))
    assert suites.hardware("rtl/match/decimal.py") == [
        *(f"match_parts-{part}" for part in ("hosts1", "hosts8", "rows8", "decimal1", "decimal8")),
        *(f"match_parts-{part}" for part in ("hosts64", "rows64", "decimal64")),
        *("nic-width1", "nic-width8"),
    ]
    assert suites.hardware("rtl/verilog.py") == suites.hardware(FLOW) == []


# ------------------------------------------------------------------ trials, without their process
class Shop:
    """Instead of a process: what it would say of tests with a fault, and of netlists."""

    def __init__(self, failing: str = "", netlists: str = "other", lines: range = range(999)):
        self.failing, self.netlists, self.lines = failing, netlists, list(lines)
        self.ran: list[str] = []

    def do(self, what, path, text, **task):
        if what == "netlists":
            self.ran.append("netlists")
            hashes = dict.fromkeys(task["names"], "same" if text is None else self.netlists)
            return {"hashes": hashes, "lines": self.lines}
        if text is None:
            return {"outcome": "passed", "seconds": {}}
        self.ran += task["tests"]
        if self.failing and any(self.failing in test for test in task["tests"]):
            return {"outcome": "killed", "by": task["tests"][0]}
        return {"outcome": "passed", "seconds": {}}


def tried(shop: Shop, place: Path, path: str = "rtl/stream.py", text: str = "[],") -> str:
    suites = Suites(root, Dependencies(root))
    mutant = next(mutant for mutant in mutants_of(root, path) if text in mutant.lines[1])
    return Trials(path, shop, place, suites).try_(mutant).outcome


def test_tests_are_run_from_near_to_wide_until_one_fails(tmp_path):
    shop = Shop("test_benches")
    assert tried(shop, tmp_path) == "killed"
    assert shop.ran == [
        "tests/rtl/test_stream.py",
        *["netlists"] * 3,  # the lines, with the fault, and without it
        "tests/rtl/test_nic.py",
        "tests/rtl/test_verilog.py",
        "tests/tb/test_benches.py::test_bench[stream_parts-register_slice]",
    ]
    near = Shop("test_stream")
    assert tried(near, tmp_path) == "killed"
    assert near.ran == shop.ran[:1]


def test_a_mutant_that_nothing_notices_survives(tmp_path):
    assert tried(Shop(), tmp_path) == "survived"


def test_a_mutant_with_the_same_netlists_is_identical_and_not_looked_at_further(tmp_path):
    shop = Shop("test_nic", netlists="same")
    assert tried(shop, tmp_path) == "identical"
    assert shop.ran[-1] == "netlists"


def test_netlists_say_nothing_of_what_they_are_not_made_of(tmp_path):
    assert tried(Shop(netlists="same", lines=range(0)), tmp_path) == "survived"
    check = Shop(netlists="same")
    assert tried(check, tmp_path, DELAY, "if clocks <= 2:") == "survived"
    software = Shop(netlists="same")
    assert tried(software, tmp_path, FLOW, "or (geometry") == "survived"
    assert "netlists" not in check.ran + software.ran


def test_tests_that_fail_without_a_fault_are_an_error(tmp_path):
    class Broken(Shop):
        def do(self, what, path, text, **task):
            return {"outcome": "killed", "by": "tests/a.py::test_b"}

    with pytest.raises(HybridMeshError, match=r"tests/a.py::test_b fails without a fault"):
        tried(Broken(), tmp_path)


# ------------------------------------------------------------------ what is argued
def argued(tmp_path: Path, **entry: str) -> Argued:
    entry = {"file": DELAY, "line": "write.en.eq(1),", "becomes": "[],", "why": "so"} | entry
    path = tmp_path / "equivalent.toml"
    lines = [f"{key} = {json.dumps(value)}" for key, value in entry.items() if value]
    path.write_text("\n".join(["[[equivalent]]", *lines]))
    return Argued(path)


def test_an_argued_mutant_is_known_by_its_line_wherever_that_stands(tmp_path):
    mutants = mutants_of(root, DELAY)
    entries = argued(tmp_path, line="  write.en.eq(1),")
    entries.check(mutants)
    assert [m.lines for m in mutants if entries.why(m)] == [("write.en.eq(1),", "[],")]


def test_an_entry_that_no_mutant_fits_is_an_error(tmp_path):
    with pytest.raises(HybridMeshError, match=r"no mutant of .* makes '\[\],' of 'write.x'"):
        argued(tmp_path, line="write.x").check(mutants_of(root, DELAY))
    with pytest.raises(HybridMeshError, match="has no 'why'"):
        argued(tmp_path, why="")


def test_all_that_the_house_argues_fits_a_mutant():
    entries = Argued(ARGUED)
    entries.check(mutant for path in entries.sources() for mutant in mutants_of(root, path))


# ------------------------------------------------------------------ runs
@pytest.fixture
def called(monkeypatch, tmp_path, capsys):
    """Calls the command, for which the mutants with *survives* in their line survive."""
    control = SimpleNamespace(tried=[], survives=None, digest="")

    class NoWorkshop:
        tree = root

        def __init__(self, place): ...
        def __enter__(self):
            return self

        def __exit__(self, *_): ...

    def try_(self, mutant):
        control.tried.append(mutant.name)
        if mutant.lines[1] == control.survives:
            return Result("survived", "", control.digest)
        return Result("killed", "tests/x.py::test_y", control.digest)

    monkeypatch.setattr(session, "Workshop", NoWorkshop)
    monkeypatch.setattr(Trials, "try_", try_)
    monkeypatch.setattr(Suites, "evidence", lambda self, path, by: control.digest)
    monkeypatch.setattr(command, "PLACE", tmp_path)

    def call(*arguments: str, survives: str = "") -> tuple[int, str]:
        control.survives = survives
        control.tried.clear()
        monkeypatch.setattr("sys.argv", ["tb.mutants", *arguments])
        code = command.main()
        return code, capsys.readouterr().out

    call.control = control
    return call


def test_a_run_ends_with_a_line_and_names_what_survives(called):
    assert called(DELAY, "--sample", "10") == (
        0,
        "mutants: 10 of 10 killed, 0 equivalent (0 by identical netlists, 0 argued)\n",
    )
    called.control.digest = "another"
    code, out = called(DELAY, "--all", survives="write.addr.eq(-1),")
    assert code == 1
    assert f"survives: {DELAY}:50:27:stuck\n" in out
    assert "-            write.addr.eq(put),\n+            write.addr.eq(-1),\n" in out
    assert "killed, 0 equivalent" in out.splitlines()[-1]


def test_what_is_tried_is_not_tried_again_until_something_changes(called):
    called(DELAY, "--sample", "10")
    assert len(called.control.tried) == 10
    called(DELAY, "--sample", "12")
    assert len(called.control.tried) == 2
    called.control.digest = "another"
    called(DELAY, "--sample", "12")
    assert len(called.control.tried) == 12


def test_what_is_argued_counts_as_equivalent_unless_it_is_killed(called, monkeypatch, tmp_path):
    argued(tmp_path)
    monkeypatch.setattr(command, "ARGUED", tmp_path / "equivalent.toml")
    code, out = called(DELAY, "--all")
    assert code == 1
    assert f"argued to be equivalent, and killed: {DELAY}:52:13:drop" in out
    called.control.digest = "another"
    code, out = called(DELAY, "--all", survives="[],")
    assert code == 1  # others become the same text
    assert "1 equivalent (0 by identical netlists, 1 argued)" in out


def test_one_mutant_is_shown_with_what_kills_it(called):
    code, out = called("--only", f"{DELAY}:28:19:comparison")
    assert code == 0
    assert "+        if clocks <= 2:" in out
    assert f"{DELAY}:28:19:comparison: killed by tests/x.py::test_y" in out


def test_a_place_that_is_not_mutated_is_named(called):
    for place in ("rtl/nowhere.py", "sw/proxy", "docs/a.py"):
        with pytest.raises(SystemExit, match=rf"{place} is not mutated"):
            called(place)
    with pytest.raises(SystemExit, match=r"no mutant rtl/match/delay\.py:1:1:drop"):
        called("--only", f"{DELAY}:1:1:drop")


def test_a_run_that_is_broken_off_keeps_what_is_tried(called, monkeypatch, tmp_path):
    right = Trials.try_

    def interrupted(self, mutant):
        if len(called.control.tried) == 4:
            raise KeyboardInterrupt
        return right(self, mutant)

    monkeypatch.setattr(Trials, "try_", interrupted)
    with pytest.raises(SystemExit, match="what is tried already is not tried again"):
        called(DELAY, "--sample", "10")
    monkeypatch.setattr(Trials, "try_", right)
    called(DELAY, "--sample", "10")
    assert len(called.control.tried) == 6

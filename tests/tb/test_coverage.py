"""Coverage: the model is sound, what a run says of it is right, and a hole is a failure."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from amaranth.hdl import Fragment, Module, Signal
from amaranth.sim import Simulator

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.grammar import RULES, Line, Mark, Role
from hybridmesh.contract.registers import COUNTERS
from hybridmesh.contract.verdict import Reason
from hybridmesh.nic import ReferenceNic
from hybridmesh.rtl.http.lexer import Lexer
from tb.coverage import __main__ as command
from tb.coverage import lexing, run
from tb.coverage.build import Built
from tb.coverage.classes import CLASSES, class_of
from tb.coverage.code import Block, Code, read_code
from tb.coverage.errors import DisagreementError
from tb.coverage.frames import kinds
from tb.coverage.hardware import Rtl
from tb.coverage.model import Group, Hits
from tb.coverage.nic import Played
from tb.coverage.pair import Pair
from tb.coverage.report import Report, compact, share
from tb.coverage.run import Done, Task
from tb.coverage.tours import TOURS

pytestmark = pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")

COLOURS = Group("width1_cup", "cups", {"colour": ("red", "blue"), "size": ("1", "2", "3")})


# ------------------------------------------------------------------ the model


def test_a_group_has_a_bin_for_each_pair_of_values_the_last_axis_fastest():
    assert COLOURS.bins[:4] == (("red", "1"), ("red", "2"), ("red", "3"), ("blue", "1"))
    assert len(COLOURS.due) == 6


def test_what_is_argued_is_not_due_and_must_be_a_bin():
    assert ("red", "2") not in replace(COLOURS, argued={("red", "2"): "no such cup"}).due
    with pytest.raises(ValueError, match="green"):
        replace(COLOURS, argued={("green", "1"): "no such cup"})


def test_a_bin_that_no_group_has_cannot_be_hit():
    hits = Hits([COLOURS])
    for values in [("green", "1"), ("red",), ("red", "1", "1")]:
        with pytest.raises(KeyError):
            hits.add("width1_cup", *values)


def test_hits_that_are_written_down_are_the_same_when_read():
    hits, read = Hits([COLOURS]), Hits([COLOURS])
    hits.add("width1_cup", "blue", "1")
    read.load(hits.to_json())
    assert read.hit(COLOURS) == {("blue", "1")}
    assert read.holes(COLOURS)[-1] == ("blue", "3")


@pytest.mark.parametrize("width", run.WIDTHS)
def test_the_model_has_all_that_the_contract_has(width):
    groups = {group.name.partition("_")[2]: group for group in run.groups(width)}
    lanes = tuple(str(lane) for lane in range(width))
    assert groups["role"].axes["lane"] == groups["line"].axes["lane"] == lanes
    assert len(groups["role"].due) == len(Role) * len(CLASSES) * width
    assert len(groups["line"].due) == len(Line) * len(CLASSES) * width
    assert len(groups["mark"].due) == len(Mark) * width
    assert len(groups["rule"].due) == len({rule.reason for rule in RULES}) * width
    assert len(groups["counter"].due) == len(COUNTERS)
    reasons = {reason for reason, how in groups["reason"].due}
    crowded = {Reason.CROWDED.word} if width == 1 else set()
    assert reasons == {reason.word for reason in Reason if reason} - crowded
    assert len(groups["method"].due) == 9  # one lane each, as a head begins in lane 0
    assert ("get", str(3 % width)) in groups["method"].due
    # at width 64 a head whose last beat lacks ten bytes at most is not gone on with
    assert len(groups["join"].due) == min(width, 54)


def test_bytes_of_a_class_are_alike_to_every_rule():
    assert sorted(byte for members in CLASSES.values() for byte in members) == list(range(256))
    assert len({class_of(byte) for byte in b" \t\r\n:/.?&%;\\0"}) == 13
    assert class_of(ord("a")) == class_of(ord("Z"))
    assert class_of(ord("1")) == class_of(ord("5")) != class_of(ord("6"))  # 65536 is no port


# ------------------------------------------------------------------ what is seen in the RTL


def test_the_covers_see_what_the_lexer_sees():
    """A whole lexer at width 1, and every bin that two bytes after a request line hit."""
    geometry = Geometry(width=1)
    lexer, core, engine, top = Lexer(geometry), Module(), Module(), Module()
    engine.submodules.lexer = lexer
    core.submodules.engine = engine
    top.submodules.core = core
    fragment, covers = Fragment.get(top, None), Module()
    seen = lexing.covers(Rtl(geometry, fragment, covers))
    signals = {name: kept(covers, name, value) for name, value in seen.items()}
    fragment.add_subfragment(Fragment.get(covers, None), "covers")
    data = b"GET /a HTTP/1.1\r\n:"

    async def bench(ctx):
        i = lexer.i
        ctx.set(i.valid, 1)
        for at, byte in enumerate([*data, 0]):  # the last beat has what is left, here nothing
            ctx.set(i.p.data, byte)
            ctx.set(i.p.mask, at < len(data))
            ctx.set(i.p.first, at == 0)
            ctx.set(i.p.last, at == len(data))
            ctx.set(i.p.info.candidate, 1)
            await ctx.tick()
        ctx.set(i.valid, 0)
        await ctx.tick().repeat(lexer.latency + 1)
        for group in lexing.groups(geometry):
            bits = ctx.get(signals[group.name])
            hit[group.name] = {b for n, b in enumerate(group.bins) if bits >> n & 1}

    hit: dict[str, set[tuple[str, ...]]] = {}
    simulator = Simulator(fragment)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    letter = class_of(ord("G"))
    assert hit["width1_role"] == {
        *(("method", letter, "0"), ("method", "SP", "0"), ("path", "/", "0")),
        *(("path", letter, "0"), ("path", "SP", "0"), ("version", letter, "0")),
        *(("version", name, "0") for name in ("/", "12345", ".", "CR", "LF")),
        ("name", ":", "0"),
    }
    assert hit["width1_method"] == {("get", "0")}
    assert hit["width1_rule"] == {("field_name", "0")}
    assert hit["width1_mark"] == {
        (name, "0") for name in ("path_start", "path", "path_end", "line_start", "line")
    }
    assert hit["width1_end"] == {("begins", "0")}


def kept(m, name, value):
    signal = Signal(len(value), name=name)
    m.d.sync += signal.eq(signal | value)
    return signal


# ------------------------------------------------------------------ a small run


class ModelNic:
    """The golden model in the place of the covered NIC."""

    def __init__(self, geometry, built):
        self._nic = ReferenceNic(geometry)
        self.accesses = []
        self.counters, self.listen, self.load = (
            getattr(self._nic, name) for name in ("counters", "listen", "load")
        )
        self.expect_head = self._nic.expect_head

    def play(self, frames=(), *, up=(), **more):
        got = [self._nic.receive(frame.data, error=frame.bad) for frame in frames]
        return Played([frame for frame in got if frame is not None], list(up), [])

    def hits(self, hits):
        pass


def toured(monkeypatch, *tours, nic=ModelNic):
    monkeypatch.setattr("tb.coverage.pair.CoveredNic", nic)
    hits = Hits(run.groups(8))
    for name in tours:
        pair = Pair(run.geometry(8), None, hits)
        TOURS[name](pair, random.Random(name), 1)
        pair.finish()
    return {group.name.removeprefix("width8_"): hits.holes(group) for group in hits}


def test_a_tour_hits_all_that_it_is_made_for(monkeypatch):
    holes = toured(monkeypatch, "rows of each kind", "heads in parts")
    for topic in ("condition", "cut", "join", "succession"):
        assert holes[topic] == []
    assert ("oversize",) in holes["counter"]


def test_a_nic_that_errs_stops_the_tour(monkeypatch):
    class Erring(ModelNic):
        def play(self, frames=(), **more):
            played = super().play(frames, **more)
            return replace(played, host=played.host[::-1])

    with pytest.raises(DisagreementError, match="The RTL gives"):
        toured(monkeypatch, "rows of each kind", nic=Erring)


# ------------------------------------------------------------------ the command

CODE = Code(1, [Block("core.guard", lines=4, toggles=2, missed_lines=["an if"])])


class FinishedRun:
    """A run of one width whose tours have hit all bins but those *missed*, and *more*."""

    missed: tuple[tuple[str, tuple[str, ...]], ...] = ()
    more: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __init__(self, widths, seed, times, counted):
        self.widths, self.tasks = widths, []
        self.built = {width: Built(Path(), counted=False) for width in widths}

    def build(self, jobs):
        return iter(())

    def done(self, jobs):
        groups = run.groups(1)
        hits = Hits(groups)
        for group in groups:
            for bin_ in group.due:
                if (group.name, bin_) not in self.missed:
                    hits.add(group.name, *bin_)
        for name, bin_ in self.more:
            hits.add(name, *bin_)
        yield Done(Task(1, "a tour", 1, 1), hits.to_json(), 17, None)


@pytest.fixture
def finished(monkeypatch, tmp_path, capsys):
    """Runs the command on a finished run; gives its exit code, its lines and its page."""

    def runs(**attributes):
        for name, value in attributes.items():
            monkeypatch.setattr(FinishedRun, name, value)
        monkeypatch.setattr(command, "Run", FinishedRun)
        monkeypatch.setattr(command, "PLACE", tmp_path)
        monkeypatch.setattr("sys.argv", ["coverage", "--width", "1"])
        code = command.main()
        return code, capsys.readouterr().out.splitlines(), (tmp_path / "index.html").read_text()

    return runs


def test_a_run_without_holes_succeeds_and_says_so_in_its_last_line(finished):
    code, lines, page = finished()
    due = sum(len(group.due) for group in run.groups(1))
    argued = sum(len(group.argued) for group in run.groups(1))
    assert code == 0
    assert lines[-1] == f"coverage: {due} of {due} bins ({argued} argued unreachable) (seed 1)"
    assert not [line for line in lines if "hole in" in line]
    assert "every bin of the model has been hit" in page


def test_a_hole_is_a_failure_and_is_named(finished):
    code, lines, page = finished(missed=(("width1_counter", ("oversize",)),))
    assert code == 1
    assert "  hole in width1_counter: oversize" in lines
    assert "<b>counter, width 1</b>, 1 not hit" in page


def test_what_was_argued_and_is_hit_is_a_failure(finished):
    code, lines, _ = finished(more=(("width1_frame", ("UDP", "verdict")),))
    assert code == 1
    assert "  argued wrongly in width1_frame: UDP x verdict" in lines
    assert ", 1 of them wrongly)" in lines[-1]


def test_lines_and_toggles_are_in_the_result():
    line = Report(Hits([COLOURS]), [CODE], 17, 1).line()
    assert line == (
        "coverage: 0 of 6 bins (0 argued unreachable); lines 75.0 %, toggles 100.0 % (seed 1)"
    )


def test_a_percentage_is_100_only_where_nothing_is_left():
    assert [share(*pair) for pair in ((99_999, 100_000), (5, 5), (0, 0))] == [
        "99.9 %",
        "100.0 %",
        "100.0 %",
    ]


def test_holes_in_lanes_side_by_side_are_one_line():
    bins = [("path", "SP", str(lane)) for lane in (0, 1, 2, 7)] + [("path", "LF", "3")]
    assert compact(bins) == ["path x SP x 0-2, 7", "path x LF x 3"]
    assert compact([("oversize",), ("runts",)]) == ["oversize, runts"]


# ------------------------------------------------------------------ what Verilator has counted

VERILOG = """module top;
  (* src = "/home/a/rtl/flow/guard.py:12" *)
  reg [1:0] older = 0;
  always @* begin
    if (\\$auto$verilog_backend.cc:1 ) begin end
    if (hit) begin
"""


def point(page, line, path, what, count):
    keys = {"page": page, "l": line, "h": path, "o": what}
    text = "".join(f"\x01{key}\x02{value}" for key, value in keys.items())
    return f"C '{text}' {count}\n"


def test_counts_of_several_runs_are_added_and_told_by_component(tmp_path):
    verilog, one, other = (tmp_path / name for name in ("nic.v", "1.dat", "2.dat"))
    verilog.write_text(VERILOG)
    guard = "TOP.nic.core.guard.memory$7.deep"
    for path, counts in ((one, (1, 0, 0, 0)), (other, (0, 0, 2, 0))):
        path.write_text(
            "# SystemC::Coverage-3\n"
            + point("v_toggle/top", 3, guard, "older[0]", counts[0])
            + point("v_toggle/top", 3, guard, "older[1]", counts[1])
            + point("v_branch/top", 6, "TOP.nic.core", "if", counts[2])
            + point("v_branch/top", 5, "TOP.nic.core", "else", counts[3])
        )
    code = read_code(8, verilog, [one, other])
    assert [block.name for block in code.blocks] == ["core", "core.guard.memory"]
    assert (code.lines, code.toggles) == ((1, 1), (1, 2))
    assert code.blocks[1].missed_toggles == [
        "core.guard.memory$7.deep.older[1] (rtl/flow/guard.py:12)"
    ]


def test_a_frame_is_of_all_the_kinds_that_it_is_of():
    frame = bytes(12) + b"\x81\x00\x00\x05\x08\x06" + bytes(42)
    assert set(kinds(frame, False, 2048)) == {"60 bytes", "a customer tag", "another EtherType"}
    assert "shorter than 60 bytes" in set(kinds(frame[:59], False, 2048))
    assert "marked bad, longer" in set(kinds(bytes(2049), True, 2048))

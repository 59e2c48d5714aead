"""The referee: its short form on every subject, a NIC that says what it should not, and runs that
are broken off."""

import json
import os
from collections.abc import Sequence

import pytest

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.verdict import SHIM, Flag, Method, Reason, State, Verdict
from hybridmesh.nic import ReferenceNic
from hybridmesh.nic.frames import split
from tb.lib.runner import LONG
from tb.referee import __main__ as command
from tb.referee import shards, subjects
from tb.referee.heads import Case, make
from tb.referee.shards import State as Run
from tb.referee.shards import run
from tb.referee.subjects import SUBJECTS, Entry, Outcome, Rtl
from tb.referee.tally import Tally, word

SHORT = {"model": 1500, "width8": 300}
if os.environ.get(LONG) == "1":  # simulations that no other test needs, and that take long to build
    SHORT |= {"width1": 200, "width64": 100}


@pytest.mark.parametrize("subject", SHORT)
def test_the_referees_agree_with_the_first_heads(subject):
    opened = SUBJECTS[subject].open()
    cases = [make(1, number) for number in range(SHORT[subject])]
    tally = Tally()
    for at in range(0, len(cases), 100):
        outcomes = opened.judge(cases[at : at + 100])
        assert [text for outcome in outcomes for text in outcome.complaints] == []
        tally.add(cases[at : at + 100], outcomes)
    decided = {how: said["decided"] + said["provisional"] for how, said in tally.said.items()}
    assert min(decided.values()) > len(cases) / 5
    if subject == "model":
        assert tally.reached() == SUBJECTS[subject].reasons


# ------------------------------------------------------------------ a NIC that errs
GEOMETRY = Geometry(rows=32, hosts=16, predicates=16)
HEAD = b"GET /a?b HTTP/1.1\r\nHost: shop.test\r\n\r\n"
BAD = b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"


class ErringNic(ReferenceNic):
    """A NIC whose verdicts go through *err* before they are sent; None: no shim."""

    def __init__(self, err, frame=lambda frame: frame) -> None:
        super().__init__(GEOMETRY)
        self._err, self._spoil = err, frame

    def exchange(self, frames):
        return [self._out(*split(frame)) for frame in super().exchange(frames)]

    def _out(self, verdict, frame):
        frame = self._spoil(frame)
        verdict = verdict and self._err(verdict)
        return frame if verdict is None else frame[:12] + SHIM.pack(verdict) + frame[12:]


def case(payload: bytes, *cuts: int, seq: int = 2**32 - 5) -> Case:
    return Case(0, "by hand", payload, cuts, seq)


def judged(nic, *cases: Case) -> list[Outcome]:
    return Rtl(nic).judge(cases)


def test_a_nic_that_does_not_err_is_agreed_with():
    whole, bad = judged(ErringNic(lambda v: v), case(HEAD + HEAD, 5, 20, len(HEAD)), case(BAD))
    assert (whole.complaints, bad.complaints) == ([], [])
    assert [word(v) for v in whole.verdicts.values()] == ["decided", "decided"]
    assert [word(v) for v in bad.verdicts.values()] == ["field-name", "field-name"]


def usable(**fields):
    """Changes the *fields* of usable verdicts."""
    return lambda verdict: verdict._replace(**fields) if verdict.usable else verdict


ERRORS = {
    "another method": usable(method=Method.PUT),
    "another row": usable(row=3),
    "another host": usable(host_offset=24),
    "a touch": usable(flags=Flag.DECIDED | Flag.TOUCH),
    "more data": usable(flags=Flag.DECIDED | Flag.MORE_DATA),
    "a body": usable(flags=Flag.DECIDED | Flag.BODY_LENGTH, body_length=1),
    "another state": usable(flags=Flag.UNDECIDED),
    "another head": usable(head_offset=1),
    "a head later": lambda v: v._replace(seq=v.seq + 5 & 0xFFFFFFFF),
    "another reason": lambda v: v if v.usable else v._replace(reason=Reason.METHOD),
    "all malformed": usable(flags=Flag.MALFORMED, reason=Reason.FIELD_NAME),
    "all decided": lambda v: v._replace(flags=Flag.DECIDED, reason=Reason.NONE),
    "another epoch": usable(epoch=2),
    "no verdict": lambda v: None,
}


@pytest.mark.parametrize("err", ERRORS.values(), ids=ERRORS)
def test_a_nic_that_errs_is_seen(err):
    whole, cut = judged(ErringNic(err), case(HEAD), case(HEAD, 9))
    assert whole.complaints or cut.complaints
    for outcome in judged(ErringNic(err), case(HEAD, 9)):
        assert outcome.complaints


def test_the_referees_see_what_the_model_has_wrong_too(monkeypatch):
    """Both decide a head with two hosts."""

    def lenient(payload, *args, **more):
        verdict = Verdict(flags=Flag.DECIDED, epoch=1, seq=more["seq"], head_length=len(payload))
        return verdict._replace(method=1, path_offset=4, path_length=1, host_offset=22)

    monkeypatch.setattr("hybridmesh.nic.reference.classify", lenient)
    data = b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"
    (outcome,) = judged(ErringNic(lambda v: v), case(data))
    assert any("number of hosts" in text for text in outcome.complaints)
    assert not any("the model" in text for text in outcome.complaints)


def test_a_nic_that_changes_a_frame_is_seen():
    nic = ErringNic(lambda v: v, lambda frame: frame[:-1] + b"!")
    assert any("a frame came out" in text for text in judged(nic, case(HEAD))[0].complaints)


def test_the_model_is_judged_like_the_rtl(monkeypatch):
    assert subjects.Model().judge([case(HEAD)])[0].complaints == []
    right = subjects.classify
    monkeypatch.setattr(
        subjects, "classify", lambda *args, **more: usable(host_length=3)(right(*args, **more))
    )
    assert subjects.Model().judge([case(HEAD)])[0].complaints != []


def test_what_the_model_follows_is_judged_though_it_is_not_decided(monkeypatch):
    data = HEAD.replace(b"/a", b"/%41")
    assert subjects.Model().judge([case(data)])[0].complaints == []
    monkeypatch.setattr(subjects, "message_length", lambda payload, lexed: len(payload) + 1)
    assert subjects.Model().judge([case(data)])[0].complaints != []


# ------------------------------------------------------------------ runs
class Counting:
    """Decides every head but those whose number is in *wrong*, and counts them."""

    wrong: Sequence[int] = ()
    shown = 0
    stop_at = None

    def judge(self, cases):
        Counting.shown += len(cases)
        if Counting.stop_at is not None and Counting.shown > Counting.stop_at:
            raise KeyboardInterrupt
        return [
            Outcome({"whole": Verdict(flags=Flag.DECIDED)}, ["bad"] * (c.number in self.wrong))
            for c in cases
        ]


@pytest.fixture
def counting(monkeypatch, tmp_path):
    monkeypatch.setitem(SUBJECTS, "model", Entry(Counting, 250))
    monkeypatch.setattr(command, "PLACE", tmp_path)
    monkeypatch.setattr(shards, "SHARD", 100)
    monkeypatch.setattr(shards, "_opened", lambda subject: Counting())
    monkeypatch.setattr(Counting, "shown", 0)
    monkeypatch.setattr(Counting, "stop_at", None)
    monkeypatch.setattr(Counting, "wrong", ())
    return Counting


def called(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["tb.referee", "model", *arguments])
    return command.main()


def test_a_run_that_was_broken_off_goes_on_where_it_was(counting, monkeypatch, capsys):
    counting.stop_at = 210
    with pytest.raises(SystemExit, match="with --seed 1 it goes on"):
        called(monkeypatch)
    counting.stop_at, counting.shown = None, 0
    assert called(monkeypatch) == 0
    assert counting.shown == 50
    assert "all 250 decided of 250 heads" in capsys.readouterr().out
    counting.shown = 0
    assert called(monkeypatch) == 0
    assert called(monkeypatch, "--heads", "200") == 0
    assert counting.shown == 0
    assert called(monkeypatch, "--seed", "2") == 0
    assert counting.shown == 250


def test_a_run_begins_anew_after_a_change(counting, monkeypatch):
    assert called(monkeypatch) == 0
    monkeypatch.setattr(shards, "_digest", lambda subject: "another")
    assert called(monkeypatch) == 0
    assert counting.shown == 500


def test_a_change_of_any_source_is_seen(tmp_path):
    places = [tmp_path / "a", tmp_path / "b"]
    (tmp_path / "b" / "c").mkdir(parents=True)
    source = tmp_path / "b" / "c" / "d.py"
    hashes = set()
    for text in ("", "x", "y"):
        source.write_text(text)
        hashes.add(shards._hash(places, "1"))
    hashes.add(shards._hash(places, "2"))
    source.rename(source.with_stem("e"))
    hashes.add(shards._hash(places, "1"))
    assert len(hashes) == 5


def test_a_line_that_was_being_written_does_not_count(counting, monkeypatch, tmp_path):
    assert called(monkeypatch) == 0
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text()[:-30])
    counting.shown = 0
    assert called(monkeypatch) == 0
    assert counting.shown == 50
    first, second, *_ = path.read_text().splitlines()
    assert [json.loads(line)["end"] for line in (first, second)] == [100, 200]


def test_heads_that_are_disagreed_on_are_shown_and_make_the_run_fail(counting, monkeypatch, capsys):
    counting.wrong = (7, 170)
    assert called(monkeypatch) == 1
    out = capsys.readouterr().out
    for number in counting.wrong:
        assert f"head {number} (" in out
        assert repr(make(1, number).payload) in out
    assert "disagree on 2 of 250 heads" in out.splitlines()[-1]
    assert called(monkeypatch) == 1  # still, from what was kept
    assert called(monkeypatch, "--only", "7") == 1
    assert called(monkeypatch, "--only", "8") == 0


def test_reasons_that_were_not_reached_are_named(counting, monkeypatch, capsys):
    called(monkeypatch)
    out = capsys.readouterr().out
    assert "never reached: method-byte, method, line-ending, target-form" in out
    assert "unknown-start" not in out


def test_two_processes_come_to_the_same_as_one(monkeypatch, tmp_path):
    monkeypatch.setattr(shards, "SHARD", 100)
    tallies = []
    for jobs in (1, 2):
        state = Run("model", 5, 250, tmp_path / str(jobs))
        assert sorted(run("model", 5, state, jobs)) == [50, 100, 100]
        tallies.append(Run("model", 5, 250, tmp_path / str(jobs)).done())
    assert tallies[0] == tallies[1]
    assert tallies[0].heads == sum(tallies[0].said["whole"].values()) == 250


def test_a_verdict_in_a_word():
    assert word(None) == "none"
    assert word(Verdict(flags=Flag.DECIDED | Flag.TOUCH)) == "decided"
    assert word(Verdict(flags=Flag.PROVISIONAL)) == "provisional"
    assert word(Verdict(flags=Flag.MALFORMED, reason=Reason.FRAMING)) == "framing"
    tally = Tally()
    framing = Verdict(flags=Flag.MALFORMED, reason=Reason.FRAMING)
    tally.add([case(HEAD)] * 2, [Outcome({"cut": None}, []), Outcome({"cut": framing}, ["x"])])
    assert (tally.heads, tally.wrong) == (2, [0])
    assert tally.states("cut") == {State.NONE: 1, State.MALFORMED: 1}
    assert tally.reached() == {Reason.FRAMING}

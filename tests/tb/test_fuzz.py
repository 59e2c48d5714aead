"""Fuzzing's short form: the inputs that reach most, a few new ones, and faults that are noticed."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings, target

from hybridmesh.compiler import CompileError
from hybridmesh.contract.verdict import SHIM, Flag, Reason, Verdict
from hybridmesh.nic import NicError
from hybridmesh.proxy.core import framing, response
from hybridmesh.reference import lexer
from hybridmesh.tunnel.rootless import RootlessStream
from tb.fuzz import __main__ as command
from tb.fuzz import chunks, configs, corpus, engines, frames, heads
from tb.fuzz.chunks import cuts
from tb.fuzz.corpus import inputs
from tb.fuzz.mutated import mutated
from tb.fuzz.target import DisagreementError, Target, put
from tb.fuzz.targets import TARGETS
from tb.lib import plain

EXAMPLES = dict.fromkeys(TARGETS, 250) | {"streams": 60, "responses": 80, "configs": 150}

_MOST_BYTES = 100_000
"""Of all inputs that are in the repository."""


@pytest.mark.parametrize("name", TARGETS)
def test_there_is_no_complaint_about_the_inputs_of_the_repository(name: str) -> None:
    for data in inputs(name).values():
        put(TARGETS[name], data)


@pytest.mark.parametrize("name", TARGETS)
def test_there_is_no_complaint_about_new_inputs(name: str) -> None:
    @settings(
        max_examples=EXAMPLES[name],
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate, Phase.target, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(mutated(list(inputs(name).values()), TARGETS[name].words))
    def holds(data: bytes) -> None:
        seen: set[Any] = set()
        put(TARGETS[name], data, seen.add)
        target(len(seen))

    holds()


def test_the_inputs_of_the_repository_are_few_and_small() -> None:
    sizes = [len(data) for name in TARGETS for data in inputs(name).values()]
    assert 100 < len(sizes) < 1000
    assert sum(sizes) < _MOST_BYTES


# ------------------------------------------------------------------ faults
HEAD = b"PUT /a?b&c HTTP/1.1\r\nHost: shop.test:80\r\nVia: a\r\nContent-Length: 3\r\n\r\nabc"
FRAME = frames.Connection(("192.0.2.7", 4000), ("192.0.2.1", 80)).frame(7, HEAD)


PutIn = Callable[[pytest.MonkeyPatch], None]
"""Puts a fault in."""


def lexed(**changes: Any) -> PutIn:
    """The lexer errs on heads that it has nothing against."""
    right = lexer.lex

    def wrong(payload: bytes) -> lexer.Lexed:
        said = right(payload)
        return said if said.reasons else replace(said, **changes)

    return lambda patch: patch.setattr(lexer, "lex", wrong)


def patched(where: Any, name: str, by: Callable[[Any], Any]) -> PutIn:
    """What *where* calls *name* is what *by* makes of it."""
    right = getattr(where, name)
    return lambda patch: patch.setattr(where, name, by(right))


def after(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Changes what a function returns."""
    return lambda right: lambda *args, **more: change(right(*args, **more))


def raising(error: BaseException) -> Callable[[Any], Any]:
    def wrong(*args: Any, **more: Any) -> None:
        raise error

    return lambda right: wrong


def forgetful(right: Any) -> Any:
    """A line in chunks that is cut loses its beginning."""

    def feed(self: framing.Chunked, *of: Any) -> Any:
        self._line = b""
        return right(self, *of)

    return feed


class Impatient(framing.Sized):
    """A body that ends with the first part of it."""

    def feed(self, data: bytes, start: int, out: list[framing.Buffer]) -> int:
        end = super().feed(data, start, out)
        self.done |= end > start
        return end


def untouched(verdict: Verdict | None) -> Verdict | None:
    return verdict and verdict._replace(flags=verdict.flags & ~Flag.TOUCH)


def with_seq(said: tuple[Verdict | None, bytes]) -> tuple[Verdict | None, bytes]:
    verdict, frame = said
    return verdict and verdict._replace(seq=8), frame


NUMBERS = count()

REQUEST = b"GET /p HTTP/1.1\r\nHost: shop.test\r\n\r\n"
UPLOAD = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
CHUNKED = b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
BODY = b"1;a\r\na\r\n0\r\nT: 1\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 2\r\n\r\nok"
BROKEN = b"a: [1\n"

FAULTS = {
    "a length of a head": ("heads", HEAD, lexed(head_length=1)),
    "a method": ("heads", HEAD, lexed(method=lexer.Method.GET)),
    "a path": ("heads", HEAD, lexed(path=lexer.Span(4, 5))),
    "a host": ("heads", HEAD, lexed(host=lexer.Span(4, 5))),
    "a body's length": ("heads", HEAD, lexed(length=None)),
    "parameters": ("heads", HEAD, lexed(params=())),
    "lines": ("heads", HEAD, lexed(lines=())),
    "no touch": ("heads", HEAD, lexed(touch=False)),
    "HTTP/1.0": ("heads", HEAD, lexed(http_1_0=True)),
    "a reason": ("heads", HEAD, lexed(reasons={Reason.HOST})),
    "the end of a message": (
        "heads",
        HEAD,
        patched(heads, "message_length", after(lambda n: n + 1)),
    ),
    "a verdict": (
        *("heads", HEAD),
        patched(heads.classifier, "classify", after(lambda v: v._replace(path_length=1))),
    ),
    "a path that is not normal": (
        *("heads", HEAD.replace(b"/a", b"/./a")),
        patched(heads, "parse", after(lambda head: replace(head, path="/./a"))),
    ),
    "a field that goes missing": (
        *("heads", HEAD),
        patched(heads, "rebuild", after(lambda raw: raw.replace(b"host", b"x-host"))),
    ),
    "a body that goes missing": (
        *("heads", HEAD),
        patched(heads, "rebuild", after(lambda raw: raw.replace(b"content-", b"x-"))),
    ),
    "another target that goes on": (
        *("heads", HEAD),
        patched(heads, "rebuild", after(lambda raw: raw.replace(b"/a", b"/b"))),
    ),
    "a segment that is not found": (
        "frames",
        FRAME,
        patched(frames, "find_segment", after(lambda segment: None)),
    ),
    "a sequence number": (
        *("frames", FRAME),
        patched(frames, "find_segment", after(lambda s: s and s._replace(seq=8))),
    ),
    "an end": (
        *("frames", FRAME),
        patched(frames, "find_segment", after(lambda s: s and s._replace(end=s.end - 1))),
    ),
    "a checksum": (
        *("frames", FRAME[:-1] + b"!"),
        patched(frames, "is_intact", after(lambda intact: True)),
    ),
    "a shim that stays": (
        *("frames", FRAME[:12] + SHIM.pack(Verdict()) + FRAME[12:]),
        patched(frames, "split", after(lambda said: (said[0], said[1] + b"!"))),
    ),
    "a shim where there is none": (
        *("frames", FRAME),
        patched(frames, "split", raising(NicError("wrong"))),
    ),
    "a frame that is dropped": (
        *("frames", FRAME),
        patched(frames.ReferenceNic, "receive", after(lambda out: None)),
    ),
    "a frame that is changed": (
        *("frames", FRAME),
        patched(frames.ReferenceNic, "receive", after(lambda out: out[:-1] + b"!")),
    ),
    "a spoofed frame that comes out": (
        *("frames", FRAME[:12] + b"\x88\xb5" + FRAME[14:]),
        patched(frames.ReferenceNic, "receive", lambda right: lambda self, frame: frame),
    ),
    "a verdict of a frame": ("frames", FRAME, patched(frames, "split", after(with_seq))),
    "a chunk's size": (
        *("chunks", BODY),
        patched(framing, "_chunk_size", after(lambda digits: b"%x" % (int(digits, 16) + 1))),
    ),
    "an extension that is not refused": (
        *("chunks", b"1 1\r\na\r\n0\r\n\r\n"),
        patched(framing, "_chunk_size", lambda right: lambda line: right(line[:1])),
    ),
    "a line that is forgotten where it is cut": (
        *("chunks", BODY),
        patched(framing.Chunked, "feed", forgetful),
    ),
    "a body that is not decoded": (
        *("chunks", BODY),
        patched(chunks, "Chunked", lambda right: lambda decode: right()),
    ),
    "a verdict of another head": (
        *("streams", UPLOAD + REQUEST),
        patched(RootlessStream, "verdict", after(lambda v: v and v._replace(body_length=2))),
    ),
    "a verdict that is not the same every time": (
        *("streams", REQUEST),
        patched(
            RootlessStream, "verdict", after(lambda v: v and v._replace(head_offset=next(NUMBERS)))
        ),
    ),
    "a field that must be interpreted": (
        *("streams", REQUEST[:-2] + b"Connection: close\r\n\r\n"),
        patched(RootlessStream, "verdict", after(untouched)),
    ),
    "a body cut into chunks": (
        *("streams", CHUNKED),
        patched(framing.Chunked, "feed", forgetful),
    ),
    "a status": (
        *("responses", ANSWER),
        patched(response.ResponseHead, "render", after(lambda raw: raw.replace(b"200", b"201"))),
    ),
    "a field that nobody sent": (
        *("responses", ANSWER),
        patched(
            response.ResponseHead,
            "render",
            after(lambda raw: raw.replace(b"\r\n", b"\r\nx: y\r\n", 1)),
        ),
    ),
    "an answer that is none": (
        *("responses", ANSWER),
        patched(response.ResponseHead, "render", after(lambda raw: raw.replace(b"\r", b""))),
    ),
    "an answer that depends on where it is cut": (
        *("responses", ANSWER),
        patched(response.ResponseHead, "framing", lambda right: lambda self, **of: Impatient(2)),
    ),
    "a traceback": ("configs", BROKEN, patched(configs, "load", raising(KeyError("a")))),
    "a finding without a place": (
        "configs",
        BROKEN,
        patched(configs, "lint", after(lambda f: ["a"])),
    ),
    "an error that lint does not say": (
        *("configs", BROKEN),
        patched(configs, "lint", after(lambda findings: [])),
    ),
    "an error that load does not raise": (
        *("configs", BROKEN),
        patched(configs, "load", lambda right: lambda paths: None),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, data, put_in = FAULTS[fault]
    put(TARGETS[name], data)
    put_in(monkeypatch)
    with pytest.raises((DisagreementError, KeyError, NicError)):
        put(TARGETS[name], data)


PLAIN = b"GET /a HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"
ODD = {
    Reason.METHOD_BYTE: (b"GET", b"G@T"),
    Reason.LINE_ENDING: (b"y\r\n", b"y\n"),
    Reason.TARGET_FORM: (b"/a", b"*"),
    Reason.TARGET_BYTE: (b"/a", b"/#"),
    Reason.PATH_ENCODED: (b"/a", b"/%41"),
    Reason.PATH_SEGMENTS: (b"/a", b"/.."),
    Reason.VERSION: (b"1.1", b"1.2"),
    Reason.OBS_FOLD: (b"y\r\n", b"y\r\n z: a\r\n"),
    Reason.FIELD_NAME: (b"X", b"X@"),
    Reason.FIELD_VALUE: (b"y", b"\0"),
    Reason.OBS_TEXT: (b"y", b"\xe4"),
    Reason.ODD_SPACE: (b"X: ", b"X:"),
    Reason.HOST: (b"Host: a", b"Host: a/b"),
    Reason.LENGTH: (b"X: y", b"Content-Length: +1"),
}
"""By reason: what in a plain head is replaced by what, so that nothing else is wrong with it."""


@pytest.mark.parametrize("reason", sorted(lexer._RULES), ids=lambda reason: reason.word)
def test_the_language_notices_a_rule_that_the_grammar_lacks(reason, monkeypatch) -> None:
    """The plain reading cannot: it is of the same grammar."""
    data = PLAIN.replace(*ODD[reason])
    assert plain.find(data).reasons == {reason}
    put(TARGETS["heads"], data)
    rest = {other: conditions for other, conditions in lexer._RULES.items() if other != reason}
    monkeypatch.setattr(lexer, "_RULES", rest)
    read = {at: [pair for pair in them if pair[0] != reason] for at, them in plain._RULES.items()}
    monkeypatch.setattr(plain, "_RULES", read)
    monkeypatch.setattr(heads, "find", plain.find.__wrapped__)  # not what it has said before
    with pytest.raises(DisagreementError, match="by the language"):
        put(TARGETS["heads"], data)


def test_a_compiler_that_refuses_is_no_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    meshes = [data for data in inputs("configs").values() if b"VirtualService" in data]
    monkeypatch.setattr(configs, "compile_table", raising(CompileError("no"))(None))
    for data in meshes:
        put(TARGETS["configs"], data)
    monkeypatch.setattr(configs, "compile_table", raising(ZeroDivisionError())(None))
    with pytest.raises(ZeroDivisionError):
        list(map(partial(put, TARGETS["configs"]), meshes))


def test_what_is_cut_is_all_there_and_cut_alike_every_time() -> None:
    for data in (b"", b"a", HEAD, bytes(3000)):
        ways = list(cuts(data))
        assert all(b"".join(parts) == data for parts in ways)
        assert ways == list(cuts(data))
    assert next(cuts(HEAD)) == [HEAD[n : n + 1] for n in range(len(HEAD))]


# ------------------------------------------------------------------ runs
def bad(data: bytes, seen: Any) -> Any:
    if data.count(b"x") > 1:
        yield "two of them"


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Calls the command on one target that complains about inputs with an x twice."""
    monkeypatch.setattr(corpus, "_BUILD", tmp_path / "build")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "axb").write_bytes(b"axb")
    monkeypatch.setitem(TARGETS, "heads", Target("true", bad, (b"x", b"y"), 10))
    for module in (engines, corpus):
        monkeypatch.setattr(module, "corpus", lambda name: tmp_path / "corpus")

    def call(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["tb.fuzz", "heads", *arguments])
        return command.main()

    return call


def test_without_atheris_hypothesis_makes_the_inputs(run, monkeypatch, capsys) -> None:
    monkeypatch.setattr(command, "atheris_is_here", lambda: False)
    assert run("--seconds", "10") == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("heads: b'")
    assert out[0].count("x") >= 2  # how small it gets is a matter of time
    assert out[1:-1] == ["  DisagreementError: two of them"]
    assert "is complained about" in out[-1]
    monkeypatch.setitem(TARGETS, "heads", Target("true", lambda data, seen: iter(()), (b"y",), 10))
    assert run("--seconds", "0") == 0
    assert "atheris is missing" in capsys.readouterr().out


def test_one_input_is_put_to_a_target_by_hand(run, tmp_path, capsys) -> None:
    (tmp_path / "one").write_bytes(b"axxb")
    assert run("--input", str(tmp_path / "one")) == 1
    assert "two of them" in capsys.readouterr().out
    (tmp_path / "one").write_bytes(b"ab")
    assert run("--input", str(tmp_path / "one")) == 0
    with pytest.raises(SystemExit, match="No such file"):
        run("--input", str(tmp_path / "two"))


def test_an_interrupt_ends_the_run_with_a_word(run, monkeypatch) -> None:
    for engine in ("by_atheris", "by_hypothesis"):
        monkeypatch.setattr(command, engine, raising(KeyboardInterrupt())(None))
    with pytest.raises(SystemExit, match="interrupted; inputs that reached more are kept"):
        run()


def test_what_atheris_fails_on_is_minimised_and_shown(run, monkeypatch, capsys) -> None:
    monkeypatch.setattr(command, "atheris_is_here", lambda: True)
    monkeypatch.setattr(engines, "_WORKER", ("-c", FAILING))
    assert run("--seconds", "10") == 1
    out = capsys.readouterr().out.splitlines()
    assert out[:2] == ["heads: b'xx'", "  DisagreementError: two of them"]
    assert out[2].startswith("heads: one of 1,234 inputs in")


FAILING = """
import sys
options = dict(word.split("=", 1) for word in sys.argv[2:] if word[0] == "-")
with open(options["-exact_artifact_path"], "wb") as file:
    file.write(b"xx" if "-minimize_crash" in options else b"axxb")
print("INFO: seed corpus: files: 1", file=sys.stderr)
print("#1234\tNEW    cov: 7 ft: 9", file=sys.stderr)
sys.exit(77)
"""


def test_a_fuzzer_that_ends_otherwise_is_an_error(run, monkeypatch) -> None:
    monkeypatch.setattr(command, "atheris_is_here", lambda: True)
    monkeypatch.setattr(
        engines, "_WORKER", ("-c", "import os; os.write(2, b'INFO\\nno memory\\n'); os._exit(3)")
    )
    for arguments in ([], ["--merge"]):
        with pytest.raises(SystemExit, match="libFuzzer ended with status 3: no memory"):
            run(*arguments)


def test_atheris_finds_no_complaint_in_a_second(monkeypatch, tmp_path, capsys) -> None:
    pytest.importorskip("atheris")
    monkeypatch.setattr(corpus, "_BUILD", tmp_path)
    monkeypatch.setattr("sys.argv", ["tb.fuzz", "chunks", "--seconds", "1"])
    assert command.main() == 0
    assert "inputs in" in capsys.readouterr().out
    assert any((tmp_path / "corpus" / "chunks").iterdir())

"""What a run says at its end, and of each head that the referees complain about."""

from collections import Counter
from collections.abc import Iterator

from hybridmesh.contract.verdict import Reason, State
from hybridmesh.reference.head import HeadError, find_end, parse

from .heads import Case
from .llhttp import RefusedError, read
from .subjects import Outcome
from .tally import Tally

__all__ = ["explained", "summary"]


def summary(subject: str, seed: int, tally: Tally, reasons: frozenset[Reason]) -> Iterator[str]:
    """The outcome of a run, the last line in short; *reasons* are those that there can be."""
    for how, said in tally.said.items():
        words = ", ".join(f"{word} {count:,}" for word, count in said.most_common())
        yield f"{subject}, {how}: {words}"
    missing = sorted(reasons - tally.reached())
    if missing:
        yield f"{subject}: never reached: {', '.join(reason.word for reason in missing)}"
    if tally.wrong:
        begin = f"the referees disagree on {len(tally.wrong):,} of {tally.heads:,} heads"
    else:
        decided = " and ".join(f"{_decided(said):,}" for said in map(tally.states, tally.said))
        begin = f"llhttp agrees with all {decided} decided of {tally.heads:,} heads"
    states = "; ".join(_listed(how, tally.states(how)) for how in tally.said)
    yield f"{subject}: {begin} ({states}; seed {seed})"


def _decided(states: Counter[State]) -> int:
    return states[State.DECIDED] + states[State.PROVISIONAL]


def _listed(how: str, states: Counter[State]) -> str:
    return f"{how}: " + ", ".join(f"{states[state]:,} {state.word}" for state in State)


def explained(case: Case, outcome: Outcome) -> Iterator[str]:
    """A head, what was said of it, the referees' opinions, and their complaints."""
    yield f"head {case.number} ({case.kind}), cut at {case.cuts}:"
    yield f"  {case.payload!r}"
    for how, verdict in outcome.verdicts.items():
        yield f"  {how}: {verdict}"
    yield f"  llhttp: {_of_llhttp(case.payload)}"
    yield f"  the proxy's parser: {_of_parser(case.payload)}"
    yield from (f"  - {complaint}" for complaint in dict.fromkeys(outcome.complaints))


def _of_llhttp(payload: bytes) -> str:
    try:
        return str(read(payload))
    except RefusedError as error:
        return f"refuses it: {error}"


def _of_parser(payload: bytes) -> str:
    end = find_end(payload)
    if end < 0:
        return "waits for more"
    try:
        head = parse(payload[:end])
    except HeadError as error:
        return f"refuses it: {error.status}, {error.detail}"
    return f"{head.method} {head.target}, {head.authority}, {head.content_length}, {head.chunked}"

"""Hypothesis makes inputs where Atheris does not: a few in the tests, all where it is missing."""

from collections.abc import Sequence

from hypothesis import strategies as st

__all__ = ["mutated"]

_AT_ONCE = 5


@st.composite
def mutated(draw: st.DrawFn, inputs: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """One of *inputs* with bytes taken out, words put in, or another one's end."""
    data = draw(st.sampled_from(inputs))
    new = st.one_of(st.sampled_from(words), st.binary(max_size=3))
    for _ in range(draw(st.integers(0, _AT_ONCE))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(new) + data[at + draw(st.integers(0, 4)) :]
    if draw(st.integers(0, 4)) == 0:
        other = draw(st.sampled_from(inputs))
        data = data[: draw(st.integers(0, len(data)))] + other[draw(st.integers(0, len(other))) :]
    return data

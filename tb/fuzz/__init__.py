"""Coverage-guided fuzzing: ``python -m tb.fuzz``.

Bytes are put to a part of the software (a :class:`~.target.Target`), and what it makes of them is
held against a second opinion.  Atheris (libFuzzer) makes the bytes from those in ``corpus/``, and
keeps what reaches something new; a few of Hypothesis are part of the tests.
"""

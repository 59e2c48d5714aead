"""Domains such as ``shop.*`` as predicates over the Host line.

The keys of the host space are reversed hosts, which show a prefix too late.  Of several prefixes
the longest one counts, and a request that misses there goes nowhere else: so each also forbids the
longer ones, and ``*`` forbids them all.
"""

from collections.abc import Sequence

from .predicates import Predicates, PredicateTest
from .questions import Line

__all__ = ["Tests", "prefix_tests"]

Tests = tuple[PredicateTest, ...]


def prefix_tests(prefixes: Sequence[str], predicates: Predicates) -> dict[str, Tests]:
    """Take the predicates that *prefixes* need; returns by domain, ``*`` too, what tells its hosts
    from all others without a class.

    Nothing is taken and returned where the NIC cannot tell them all.
    """
    texts = {prefix: prefix[:-1].lower().encode() for prefix in prefixes}
    lines = {p: Line(b"host", text, any_case=True) for p, text in texts.items()}
    # A colon would be taken for that of the port.
    if any(b":" in texts[p] or not lines[p].fits(predicates.space) for p in prefixes):
        return {}
    if predicates.columns(list(lines.values())) is None:
        return {}
    tests = {"*": tuple(PredicateTest(line, absent=True) for line in lines.values())}
    for prefix, text in texts.items():
        longer = (p for p in prefixes if p != prefix and texts[p].startswith(text))
        others = (PredicateTest(lines[p], absent=True) for p in longer)
        tests[prefix] = (PredicateTest(lines[prefix]), *others)
    return tests

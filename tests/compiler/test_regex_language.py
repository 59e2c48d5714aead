"""What is known of a regex without running it must hold for every string that it matches."""

import random
import re

import pytest

from hybridmesh.compiler.errors import CompileError
from hybridmesh.compiler.regex import compile_regex, language
from hybridmesh.config.model import MatchKind

EXACT, PREFIX, REGEX, _ = MatchKind

KNOWN = [
    ("/api", EXACT, "/api"),
    ("^/api$", EXACT, "/api"),
    (r"/a\.b", EXACT, "/a.b"),
    (r"\Q/a.*\E", EXACT, "/a.*"),
    ("", EXACT, ""),
    ("/api/.*", PREFIX, "/api/"),
    ("^/api/.*$", PREFIX, "/api/"),
    (r"/a\.b\*.*", PREFIX, "/a.b*"),
    (".*", PREFIX, ""),
    (r"/a\.*", REGEX, "/a"),
    (r"/a\\.*", PREFIX, "/a\\"),
    ("/a*.*", REGEX, "/"),
    ("/a|/b.*", REGEX, "/"),
    ("a|b.*", REGEX, ""),
    ("[.*", None, None),
    ("/[.].*", REGEX, "/."),
    (r"/users/\d+", REGEX, "/users/"),
    ("/v[12]/x", REGEX, "/v"),
    ("/(api|apps)/.*", REGEX, "/ap"),
    ("/x{2,}", REGEX, "/xx"),
    ("(?i)/api", REGEX, "/"),
    ("(?i:/A).*", REGEX, "/"),
    ("/a?", REGEX, "/"),
    ("(/a)?", REGEX, ""),
    (".*/a", REGEX, ""),
    ("/é.*", REGEX, "/\xc3\xa9"),
    ("/a/[^/]+/b", REGEX, "/a/"),
]


@pytest.mark.parametrize(("pattern", "kind", "literal"), KNOWN)
def test_the_language_of_a_regex_is_known_as_far_as_it_is_sure(pattern, kind, literal):
    if kind is None:
        with pytest.raises(CompileError):
            language(pattern)
    else:
        assert language(pattern) == (kind, literal.encode("latin-1"))


ATOMS = ("a", "b", ".", "[ab]", r"\.", "(a|b)", "(ab|a)", "(b)", "(?i:a)", "^", "$", "|", ".*")
SUFFIXES = ("", "", "", "*", "+", "?", "{2}")


def test_every_match_of_a_random_regex_is_in_its_language():
    rng = random.Random(7)
    strings = ["".join(rng.choices("abAB.", k=k)) for k in (0, 1, 1, 2, 2, 3, 3, 4) * 12]
    checked = 0
    for _ in range(1500):
        parts = [rng.choice(ATOMS) for _ in range(rng.randint(1, 5))]
        pattern = "".join(p if p in "^$|.*" else p + rng.choice(SUFFIXES) for p in parts)
        try:
            kind, literal = language(pattern)
        except CompileError:
            continue
        for string in strings:
            matches = re.fullmatch(pattern, string) is not None
            if kind is EXACT:
                assert matches == (string.encode() == literal), pattern
            elif kind is PREFIX:
                assert matches == string.encode().startswith(literal), pattern
            else:
                assert not matches or string.encode().startswith(literal), pattern
            checked += matches
    assert checked > 5000


def test_a_regex_sees_one_character_per_byte():
    assert compile_regex("x.y").fullmatch(b"x\xe9y")
    assert not compile_regex("x.y").fullmatch("xéy".encode())
    assert compile_regex("xéy").fullmatch("xéy".encode())

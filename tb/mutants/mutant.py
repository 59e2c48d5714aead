"""A mutant: one source of the checkout with one edit."""

import ast
import difflib
import hashlib
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

from .edits import Edit, Source
from .operators import edits

__all__ = ["Mutant", "mutants_of", "sample"]


@dataclass(frozen=True)
class Mutant:
    """*path* below the checkout, and what is changed there."""

    path: str
    source: Source
    edit: Edit

    @property
    def name(self) -> str:
        """Unique: ``rtl/stream.py:12:5:drop``."""
        line, column = self.source.place(self.edit.start)
        return f"{self.path}:{line}:{column}:{self.edit.operator}"

    @property
    def line(self) -> int:
        return self.source.place(self.edit.start)[0]

    @property
    def lines(self) -> tuple[str, str]:
        """The lines that the edit touches, before and after; runs of white space are one space."""
        old, new = (" ".join(text.split()) for text in self.source.lines(self.edit))
        return old, new

    @property
    def text(self) -> str:
        """The whole source, with the fault in it."""
        return self.source.edited(self.edit)

    @property
    def key(self) -> str:
        """Hash of the source before and after."""
        return hashlib.sha256(f"{self.source.text}\0{self.text}".encode()).hexdigest()[:16]

    @property
    def is_check(self) -> bool:
        """Whether it is of a check of arguments, which leaves no trace in hardware."""
        start, end, source = self.edit.start, self.edit.end, self.source
        for node in ast.walk(source.tree):
            match node:
                case ast.If(test=test, body=[*_, ast.Raise() as last]):
                    if source.start(test) <= start and end <= source.end(last):
                        return True
        return False

    def diff(self) -> str:
        old, new = (text.splitlines(keepends=True) for text in (self.source.text, self.text))
        return "".join(difflib.unified_diff(old, new, self.path, self.name, n=1))


def mutants_of(root: Path, path: str) -> list[Mutant]:
    """All mutants of the source *path* below *root*."""
    source = Source((root / path).read_text())
    return [Mutant(path, source, edit) for edit in edits(source)]


def sample(mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """*count* of the mutants of one source, of every operator as many where they last."""
    by_operator = defaultdict(list)
    for mutant in mutants:
        by_operator[mutant.edit.operator].append(mutant)
    rng = random.Random(f"{seed} {mutants[0].path if mutants else ''}")
    groups = [rng.sample(group, len(group)) for _, group in sorted(by_operator.items())]
    rng.shuffle(groups)
    turns = chain.from_iterable(zip_longest(*groups))
    chosen = [mutant for mutant in turns if mutant is not None][:count]
    return sorted(chosen, key=lambda mutant: (mutant.edit.start, mutant.edit.end))

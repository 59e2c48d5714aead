"""Rows written into the path and word spaces of a table image."""

from collections.abc import Sequence

import numpy as np

from ..contract.geometry import ROW_PROVISIONAL
from ..contract.table import TableImage
from .hosts import HostGroup
from .pattern import put
from .plan import RowPlan
from .predicates import Predicates

__all__ = ["write_catch_all", "write_row"]

_NIBBLE = np.arange(16)


def write_row(
    image: TableImage, row: int, group: HostGroup, plan: RowPlan, predicates: Predicates
) -> tuple[str, ...]:
    """Write one row of *group*; returns why it is provisional, or nothing where it is not."""
    reasons = list(plan.reasons)
    put(image.path, row, plan.path)
    required = forbidden = 0
    for test in (*group.tests, *plan.tests):
        columns = predicates.columns(test.questions)
        if columns is None:
            about = test.question.about
            reasons.append(f"{about}: all {predicates.capacity} predicates are taken")
        elif test.absent:
            forbidden |= 1 << columns[0]
        else:
            required |= 1 << columns[0]
    word = image.word.mismatch[:, :, :, row]
    word[:] = False
    word[0, 0] = (group.number & 15) != _NIBBLE
    word[0, 1] = (group.number >> 4) != _NIBBLE
    word[1, 0] = plan.methods >> _NIBBLE & 1 == 0
    for index in range(predicates.capacity // 4):
        must = required >> index * 4 & 15
        must_not = forbidden >> index * 4 & 15
        word[2 + index // 2, index % 2] = (_NIBBLE & must != must) | (_NIBBLE & must_not != 0)
    if reasons:
        image.row_flags[row] = ROW_PROVISIONAL
    return tuple(reasons)


def write_catch_all(image: TableImage, row: int, classes: Sequence[int] | None) -> None:
    """Write the row that takes what no row before it takes, of hosts of at least *classes*; None
    means every class."""
    image.path.allow_all(row)
    image.word.allow_all(row)
    if classes is not None:
        low, high = (sum({1 << (c >> shift & 15) for c in classes}) for shift in (0, 4))
        image.word.allow(row, 0, low, high)
    image.row_flags[row] = ROW_PROVISIONAL

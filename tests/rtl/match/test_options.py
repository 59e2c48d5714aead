"""The options of a table: those of the bank that is asked for, in the same clock."""

import pytest
from keybench import Asker, clocked

from hybridmesh.contract.geometry import OPTION_QUERY, Geometry
from hybridmesh.rtl.match.options import Options

SPACE = Geometry().options


def write(bank: int, data: int, space: int = SPACE.number) -> dict[str, dict[str, int]]:
    return {"table": {"bank": bank, "space": space, "word": 0, "data": data}, "bank": 0}


@pytest.mark.parametrize("bank", [0, 1])
def test_a_bank_has_the_options_that_were_written_to_it(bank: int) -> None:
    dut = Options(SPACE)
    steps = [write(bank, OPTION_QUERY), *[{"bank": n % 2, "table": None} for n in range(6)]]
    seen = clocked(dut, steps, {"o": dut.o})
    assert seen["o"][3:] == [int(n % 2 == bank) for n in range(2, 6)]


def test_options_are_taken_back_and_other_spaces_change_nothing() -> None:
    dut = Options(SPACE)
    steps = [write(1, 1), write(0, 1), write(0, 0), write(1, 0, space=5), write(0, 1, space=2)]
    steps += [{"bank": n % 2, "table": None} for n in range(6)]
    seen = clocked(dut, steps, {"o": dut.o})
    assert seen["o"][6:] == [1, 0, 1, 0, 1]


def test_the_options_of_each_bank_are_read_back() -> None:
    dut = Options(SPACE)
    question = {"space": SPACE.number, "word": 0}
    asker = Asker(dut.ask, [question | {"bank": bank} for bank in (0, 1, 0, 1)])
    steps = [write(1, 1), *[{"bank": 0, "table": None}] * 40]
    seen = clocked(dut, steps, {"done": dut.ask.done, "data": dut.ask.data}, asker.run)
    assert asker.answers[2:] == [0, 1]
    assert sum(seen["done"]) == 4
    assert all(done or not word for done, word in zip(seen["done"], seen["data"], strict=True))

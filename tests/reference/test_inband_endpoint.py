"""The golden model of in-band control: what is done of a frame, and what is answered."""

import pytest

from hybridmesh.contract.inband import (
    Header,
    Kind,
    Outcome,
    frame,
    message,
    operations,
    read,
    read_run,
    write,
)
from hybridmesh.reference.inband import Endpoint

HOST, NIC = bytes.fromhex("0a0b0c0d0e0f"), bytes.fromhex("0248594d5301")
ALICE, BOB = 0xA11CE000, 0xB0B00000


class Words:
    """Registers below 0x100 of a map of 4096 bytes; 0x40 counts up with each read, 0x44 refuses
    twice, 0x48 always."""

    def __init__(self) -> None:
        self.words: dict[int, int] = {}
        self.log: list[tuple[int, int]] = []
        self.asked = 0

    def read(self, address: int) -> int | None:
        assert address < 0x1000
        if address == 0x40:
            self.words[0x40] = self.words.get(0x40, 0) + 1
        if address in (0x44, 0x48):
            self.asked += 1
            if address == 0x48 or self.asked % 3:
                return None
        return self.words.get(address, 0) if address < 0x100 else None

    def write(self, address: int, word: int) -> bool:
        assert address < 0x1000
        if address >= 0x100:
            return False
        self.log.append((address, word))
        self.words[address] = word
        return True


class Nic:
    """An endpoint, and what was seen of it."""

    def __init__(self) -> None:
        self.words = Words()
        self.endpoint = Endpoint(self.words, iter(range(1000, 2000, 100)).__next__)

    def say(self, header: Header, body: bytes = b"", **marks: bool):
        answer = self.endpoint.receive(frame(NIC, HOST, header, body), **marks)
        if answer is None:
            return None
        assert answer[:12] == HOST + NIC
        said = message(answer)
        assert said is not None
        assert said.header.session == header.session
        assert (said.header.limit, said.header.registers) == (1472, 2)
        return said

    def open(self, session: int) -> int:
        said = self.say(Header(kind=Kind.OPEN, session=session))
        assert said.header.kind == Kind.OPENED
        return said.header.sequence

    def ask(self, session: int, sequence: int, *steps):
        return self.say(Header(session=session, sequence=sequence), operations(steps))

    def outcomes(self) -> dict[Outcome, int]:
        return dict(self.endpoint.outcomes)


@pytest.fixture
def nic() -> Nic:
    return Nic()


def test_a_session_begins_with_the_number_that_the_nic_gives(nic):
    assert nic.open(ALICE) == 1000
    said = nic.ask(ALICE, 1000, write(4, [7]), read(4))
    assert (said.header.kind, said.header.sequence, said.header.owner) == (Kind.DONE, 1000, ALICE)
    assert (said.body, said.header.done) == (bytes([0, 0, 0, 7]), 2)
    assert nic.outcomes() == {Outcome.OPENED: 1, Outcome.EXECUTED: 1}


def test_a_repetition_is_answered_alike_and_not_carried_out_again(nic):
    nic.open(ALICE)
    first = nic.ask(ALICE, 1000, write(4, [7]), read(0x40, 2))
    assert first.body == bytes([0, 0, 0, 1, 0, 0, 0, 2])
    for _ in range(3):
        assert nic.ask(ALICE, 1000, write(4, [7]), read(0x40, 2)) == first
    assert nic.words.log == [(4, 7)]
    assert nic.outcomes()[Outcome.REPEATED] == 3
    assert nic.ask(ALICE, 1001, read(0x40)).body == bytes([0, 0, 0, 3])


@pytest.mark.parametrize("sequence", [999, 1000, 1003, 0, 2**32 - 1])
def test_any_other_number_of_the_session_is_passed_over(nic, sequence):
    nic.open(ALICE)
    nic.ask(ALICE, 1000)
    nic.ask(ALICE, 1001)
    assert nic.ask(ALICE, sequence, write(4, [7])) is None
    assert nic.words.log == []
    assert nic.outcomes()[Outcome.STRAY] == 1


def test_the_numbers_come_round(nic):
    nic.endpoint = Endpoint(nic.words, lambda: 2**32 - 1)
    first = nic.open(ALICE)
    assert nic.ask(ALICE, first, write(4, [1])).header.kind == Kind.DONE
    assert nic.ask(ALICE, 0, write(4, [2])).header.kind == Kind.DONE
    assert nic.ask(ALICE, 0, write(4, [2])).header.kind == Kind.DONE
    assert nic.words.log == [(4, 1), (4, 2)]


def test_a_request_of_a_session_that_is_not_open_is_lost(nic):
    said = nic.ask(ALICE, 5, write(4, [7]))
    assert (said.header.kind, said.header.owner, said.header.sequence) == (Kind.LOST, 0, 5)
    assert nic.words.log == []


def test_an_open_takes_nothing_over_before_the_first_request(nic):
    nic.ask(ALICE, nic.open(ALICE))
    first = nic.open(BOB)
    assert nic.ask(ALICE, 1001, write(4, [1])).header.kind == Kind.DONE
    assert nic.ask(BOB, first, write(4, [2])).header.kind == Kind.DONE
    lost = nic.ask(ALICE, 1002, write(4, [3]))
    assert (lost.header.kind, lost.header.owner) == (Kind.LOST, BOB)
    assert nic.words.log == [(4, 1), (4, 2)]


def test_late_frames_of_an_old_session_do_nothing(nic):
    old = [frame(NIC, HOST, Header(kind=Kind.OPEN, session=ALICE))]
    old += [
        frame(NIC, HOST, Header(session=ALICE, sequence=1000 + n), operations([write(4, [n])]))
        for n in range(3)
    ]
    for data in old:
        nic.endpoint.receive(data)
    first = nic.open(BOB)
    nic.ask(BOB, first)
    log = list(nic.words.log)
    for data in (*old, *reversed(old), *old):
        nic.endpoint.receive(data)
    assert nic.words.log == log
    assert nic.ask(BOB, first + 1, write(8, [8])).header.kind == Kind.DONE


def test_an_open_that_comes_again_gets_the_same_number(nic):
    assert [nic.open(ALICE) for _ in range(3)] == [1000] * 3
    nic.ask(ALICE, 1000)
    assert nic.say(Header(kind=Kind.OPEN, session=ALICE)) is None
    assert nic.outcomes()[Outcome.STRAY] == 1
    assert nic.ask(ALICE, 1001).header.kind == Kind.DONE


def test_an_open_of_any_version_is_answered_in_the_versions_of_the_nic(nic):
    said = nic.say(Header(version=9, kind=Kind.OPEN, session=ALICE))
    assert (said.header.version, said.header.kind) == (1, Kind.OPENED)


def test_an_operation_that_is_refused_ends_the_request(nic):
    nic.open(ALICE)
    said = nic.ask(ALICE, 1000, read(0x40), write(4, [7]), write(0x100, [1, 2]), write(8, [9]))
    assert (said.header.kind, said.header.done) == (Kind.REFUSED, 2)
    assert said.body == bytes([0, 0, 0, 1])
    assert nic.words.log == [(4, 7)]
    run = nic.ask(ALICE, 1001, write(0xF8, [5]), read_run(0xF8, 3))
    assert (run.header.kind, run.header.done) == (Kind.REFUSED, 1)
    assert run.body == bytes([0, 0, 0, 5, 0, 0, 0, 0])
    for address in (0x1000, 0x80000004):
        far = nic.ask(ALICE, nic.endpoint.sequence, write(address, [5]))
        assert (far.header.kind, far.header.done) == (Kind.REFUSED, 0)
        assert nic.ask(ALICE, nic.endpoint.sequence, read(address)).header.kind == Kind.REFUSED


def test_a_word_is_waited_for_but_not_for_ever(nic):
    nic.open(ALICE)
    assert nic.ask(ALICE, 1000, read(0x44, 2)).header.kind == Kind.DONE
    assert nic.words.asked == 6
    assert nic.ask(ALICE, 1001, read(0x48)).header.kind == Kind.REFUSED
    assert nic.words.asked == 6 + 1024


@pytest.mark.parametrize(
    "header",
    [
        Header(version=2, session=ALICE, sequence=1000),
        Header(kind=0, session=ALICE, sequence=1000),
        Header(kind=Kind.DONE, session=ALICE, sequence=1000),
        Header(kind=Kind.OPEN, session=BOB),
        Header(session=0, sequence=1000),
    ],
)
def test_a_frame_of_another_form_changes_nothing(nic, header):
    nic.open(ALICE)
    assert nic.say(header, operations([write(4, [7])])) is None
    assert nic.words.log == []
    assert nic.outcomes() == {Outcome.OPENED: 1, Outcome.MALFORMED: 1}
    assert nic.ask(ALICE, 1000).header.kind == Kind.DONE


def test_bad_operations_and_bad_frames_change_nothing(nic):
    nic.open(ALICE)
    header = Header(session=ALICE, sequence=1000)
    good = operations([write(4, [7])])
    assert nic.say(header, good + bytes(4)) is None
    assert nic.say(header, good, error=True) is None
    assert nic.endpoint.receive(frame(NIC, HOST, header, good)[:50]) is None
    assert nic.words.log == []
    assert nic.outcomes()[Outcome.MALFORMED] == 3
    assert nic.endpoint.session == 0
    assert nic.say(header, good).header.kind == Kind.DONE

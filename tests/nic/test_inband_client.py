"""The host's end of in-band control against the model of the NIC's end, on links good and bad."""

import random
from dataclasses import replace

import numpy as np
import pytest
from inbandlab import VirtualLink, endpoint

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.inband import (
    Header,
    Kind,
    Outcome,
    frame,
    message,
    read,
    write,
)
from hybridmesh.contract.registers import register
from hybridmesh.contract.table import TableImage
from hybridmesh.nic.error import NicError
from hybridmesh.nic.frames import Connection
from hybridmesh.nic.inband import InbandClient
from hybridmesh.nic.inbandbus import InbandBus, InbandRegisters

SMALL = Geometry(
    width=1, rows=32, path_bytes=16, host_bytes=16, header_bytes=16, hosts=16, predicates=16
)
HOST, NIC = bytes.fromhex("0a0b0c0d0e0f"), bytes.fromhex("0248594d5301")


def client(seed: int = 1) -> InbandClient:
    rng = random.Random(seed)
    return InbandClient(HOST, "enp9", lambda: rng.getrandbits(32))


def random_image(geometry: Geometry, seed: int = 1) -> TableImage:
    image = TableImage(geometry)
    rng = np.random.default_rng(seed)
    for tcam in (image.path, image.host, image.header, image.word):
        tcam.mismatch[:] = rng.random(tcam.mismatch.shape) < 0.5
    image.row_flags[:] = rng.integers(0, 4, len(image.row_flags))
    return image


def loaded_words(image: TableImage) -> list[int]:
    return [word for _, words in image.words() for word in words.tolist()]


@pytest.mark.parametrize("seed", range(6))
def test_a_table_is_loaded_once_and_read_back_whatever_the_link_does(seed):
    nic = endpoint(SMALL)
    link = VirtualLink(nic, seed, loss=0.2, repeat=0.2, late=0.2)
    control = InbandRegisters(InbandBus(link, client(seed)), after=0)
    image = random_image(SMALL, seed)
    assert control.load(image) == 1
    control.verify()
    assert nic._registers.written == loaded_words(image)
    assert link.now() < 1
    assert nic.outcomes[Outcome.REPEATED] > 5
    nic._registers.spoil = lambda word: word ^ 1
    assert control.load(image) == 2
    with pytest.raises(NicError, match="word 0 of table space path: The NIC holds"):
        control.verify()


def test_the_epoch_follows_the_nics_and_is_anyones_guess_where_that_has_none():
    image, nic = random_image(SMALL), endpoint(SMALL)
    control = InbandRegisters(InbandBus(VirtualLink(nic), client(1)))
    epoch = control.load(image)
    again = InbandRegisters(InbandBus(VirtualLink(nic), client(2)))
    assert again.load(image) == epoch % 0xFFFF + 1
    others = {
        InbandRegisters(InbandBus(VirtualLink(endpoint(SMALL)), client(n))).load(image)
        for n in range(8)
    }
    assert len(others) > 1


def test_a_connection_is_told_in_one_request_and_again_while_the_nic_refuses():
    nic = endpoint(SMALL)
    link = VirtualLink(nic)
    control = InbandRegisters(InbandBus(link, client(1)))
    control.listen(80, 8080)
    registers, sent = nic._registers, link.frames
    take, refusals = registers.write, [register("flow_syn").address] * 2

    def busy(address: int, word: int) -> bool:
        if address in refusals:
            refusals.remove(address)
            return False
        return take(address, word)

    registers.write = busy  # type: ignore[method-assign]
    connection = Connection(("192.0.2.1", 40000), ("198.51.100.1", 8080))
    control.expect_head(connection, 0)
    assert link.frames == sent + 3
    assert registers._words["flow_hash"] == connection.flow(1)
    assert registers._words["flow_syn"] == 0xFFFFFFFF
    with pytest.raises(NicError, match="does not listen on TCP port 81"):
        control.expect_head(Connection(("192.0.2.1", 40000), ("198.51.100.1", 81)), 0)


def test_a_nic_that_refuses_for_ever_is_said_to():
    nic = endpoint(SMALL)
    control = InbandRegisters(InbandBus(VirtualLink(nic), client(1)))
    control.listen(80)
    nic._registers.write = lambda *_: False  # type: ignore[method-assign]
    with pytest.raises(NicError, match="leave no time to tell of a connection"):
        control.expect_head(Connection(("192.0.2.1", 40000), ("198.51.100.1", 80)), 0)


def test_a_table_of_256_rows_is_loaded_in_a_fifth_of_100_ms():
    link = VirtualLink(endpoint(Geometry(width=1)), trip=200e-6)
    control = InbandRegisters(InbandBus(link, client()))
    before, frames = link.now(), link.frames
    image = random_image(Geometry(width=1))
    control.load(image)
    assert link.now() - before < 20e-3
    assert link.frames - frames < 90
    before = link.now()
    control.verify()
    assert link.now() - before < 20e-3


def test_a_lossy_link_makes_a_load_slower_by_a_bounded_factor():
    link = VirtualLink(endpoint(Geometry(width=1)), 3, loss=0.2)
    control = InbandRegisters(InbandBus(link, client()))
    control.load(random_image(Geometry(width=1)))
    assert link.now() < 0.3


def test_everything_a_driver_does_goes_over_frames():
    nic = endpoint(SMALL)
    control = InbandRegisters(InbandBus(VirtualLink(nic), client()))
    assert control.geometry == SMALL
    control.listen(80, 8080)
    ports = [nic._registers.read(register(f"listen_port_{n}").address) for n in range(3)]
    assert ports == [80, 8080, 0]
    control.expect_head(Connection(("192.0.2.7", 40000), ("198.51.100.1", 80)), 1000)
    assert nic._registers.read(register("flow_hash").address) == 0x06336606 ^ 0x9C409C40
    counters = control.counters()
    assert (counters["frames_in"], counters["frames_out"], len(counters)) == (5, 0, 12)
    assert control.links() == {}


def test_a_board_has_counters_and_links_besides():
    nic = endpoint(SMALL, board=True)
    control = InbandRegisters(InbandBus(VirtualLink(nic), client()))
    counters = control.counters()
    assert len(counters) == 12 + 25
    assert counters["frames_in"] == 5
    assert counters["host_rx_frames"] == 6
    assert counters["control_missed"] == 7
    assert control.links() == {"wire": (True, 100, True), "host": (False, 0, False)}


def test_who_was_interrupted_goes_on_in_a_session_of_its_own():
    nic = endpoint(SMALL)
    link = VirtualLink(nic)
    bus = InbandBus(link, client())
    bus.write(0x20, 7)
    receive, before = link.receive, nic.session

    def interrupted(until: float) -> bytes | None:
        link.receive = receive
        raise KeyboardInterrupt

    link.receive = interrupted
    with pytest.raises(KeyboardInterrupt):
        bus.write(0x20, 8)
    assert bus.read(0x20) in (7, 8)  # nobody knows
    bus.write(0x20, 9)
    assert bus.read(0x20) == 9
    assert nic.session != before


def test_a_request_is_sent_again_until_it_is_answered_and_carried_out_once():
    nic, host = endpoint(SMALL), client()
    first = host.request([write(0x20, [7])], 0.0)
    assert host.late(0.0005) is None
    assert host.late(0.0011) == first
    opened = nic.receive(first)
    assert nic.receive(first) == opened
    request = host.receive(opened, 0.002)
    assert message(request).header.kind == Kind.REQUEST
    assert host.receive(opened, 0.002) is None
    assert host.deadline == pytest.approx(0.003)
    for _ in range(3):
        done = nic.receive(request)
    again = host.late(0.004)
    assert again == request
    assert host.answer is None
    assert host.receive(done, 0.005) is None
    assert (host.answer.done, host.answer.refused, host.deadline) == (1, False, None)
    assert host.receive(done, 0.006) is None
    assert nic.outcomes[Outcome.EXECUTED] == 1


def test_an_operation_that_is_refused_comes_back_with_its_number():
    nic, host = endpoint(SMALL), client()
    out = host.request([read(0), write(0x20, [7]), write(0, [1]), read(4)], 0.0)
    while out is not None:
        out = host.receive(nic.receive(out), 0.0)
    assert (host.answer.refused, host.answer.done) == (True, 2)
    assert host.answer.words.tolist() == [0x48594D53]
    bus = InbandBus(VirtualLink(nic), client(2))
    with pytest.raises(NicError, match=r"^id: The NIC refuses operation 0, write of 1 words"):
        bus.write(0, 1)
    with pytest.raises(NicError, match=r"^register 0x01c: The NIC refuses"):
        bus.read(0x1C)
    assert bus.read(0) == 0x48594D53


def test_the_second_driver_takes_over_and_the_first_is_told():
    nic = endpoint(SMALL)
    first_link = VirtualLink(nic)
    first = InbandBus(first_link, client(1))
    first.write(0x20, 1)
    second = InbandBus(VirtualLink(nic), client(2))
    for data in first_link.sent:
        nic.receive(data)
    second.write(0x20, 2)
    for _ in range(2):
        with pytest.raises(NicError, match=r"^enp9: Another driver has taken the NIC over; .*enp9"):
            first.write(0x20, 3)
    assert second.read(0x20) == 2


def test_two_drivers_that_open_at_once_do_not_block_each_other():
    nic = endpoint(SMALL)
    hosts = [client(1), client(2)]
    out = [host.request((), 0.0) for host in hosts]
    time = 0.0
    while any(host.answer is None for host in hosts) and time < 0.1:
        # each sees the other's frame come just behind its own
        answers = [nic.receive(data) if data is not None else None for data in out]
        time += 0.0002
        for n, host in enumerate(hosts):
            out[n] = host.receive(answers[n], time) if answers[n] is not None else host.late(time)
    assert all(host.answer is not None for host in hosts)


def test_a_nic_that_was_reset_is_told_from_one_that_was_taken_over():
    link = VirtualLink(endpoint(SMALL))
    bus = InbandBus(link, client())
    link.nic = endpoint(SMALL)
    with pytest.raises(NicError, match=r"enp9: The NIC has been reset.*load it again"):
        bus.read(0)


def test_no_answer_is_an_error_that_names_the_interface():
    link = VirtualLink(endpoint(SMALL), loss=1)
    with pytest.raises(NicError, match=r"^enp9: No NIC answers; see that enp9 is up and cabled"):
        InbandBus(link, client())
    assert link.now() < 1
    link = VirtualLink(endpoint(SMALL))
    bus = InbandBus(link, client())
    for loss in (1, 0):  # it may come back: nobody knows what it has done meanwhile
        link._shares = loss, 0, 0
        with pytest.raises(NicError, match=r"^enp9: The NIC does not answer any more"):
            bus.read(0)


def test_frames_of_others_do_not_keep_a_driver_waiting():
    class Busy(VirtualLink):
        def receive(self, until: float) -> bytes:
            self._time += 1e-5
            return bytes(12) + b"\x88\xb6" + bytes(46)

    with pytest.raises(NicError, match="No NIC answers"):
        InbandBus(Busy(endpoint(SMALL)), client())


class Stub:
    """A NIC that opens sessions with *fields* of its own."""

    def __init__(self, **fields: int) -> None:
        self.fields = fields

    def receive(self, data: bytes) -> bytes:
        header = Header(kind=Kind.OPENED, session=message(data).header.session)
        return frame(HOST, NIC, header._replace(**self.fields))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"version": 2}, "enp9: The NIC speaks version 2 of in-band control, not 1; use a NIC"),
        ({"registers": 3}, "enp9: The NIC has version 3 of the register map, not 2; use a NIC"),
    ],
)
def test_a_nic_of_another_release_is_told_from_none(fields, problem):
    stub = Stub(**{"registers": 2, "limit": 1472} | fields)
    with pytest.raises(NicError, match=problem):
        InbandBus(VirtualLink(stub), client())


def test_a_nic_that_takes_less_gets_less_at_a_time():
    host = client()
    opening = host.request((), 0.0)
    stub = Stub(registers=2, limit=64)
    request = host.receive(stub.receive(opening), 0.0)
    header = message(request).header._replace(kind=Kind.DONE)
    host.receive(frame(HOST, NIC, header), 0.0)
    assert host.limit == 64
    host.request([write(0x24, range(14))], 0.0)
    other = client()
    with pytest.raises(ValueError, match="at most 1472 bytes each"):
        other.request([read(0x40, 369)], 0.0)


@pytest.mark.parametrize("sizes", [{"rows": 64}, {"path_bytes": 32}, {"predicates": 32}])
def test_a_table_that_is_too_large_for_the_nic_is_not_loaded(sizes):
    link = VirtualLink(endpoint(SMALL))
    control = InbandRegisters(InbandBus(link, client()))
    ((name, wanted),) = sizes.items()
    built = getattr(SMALL, name)
    larger = replace(SMALL, **sizes)
    frames = link.frames
    message = rf"^{name}: The table is too large for this NIC: .* {name} {wanted}, and the NIC is "
    with pytest.raises(NicError, match=message + rf"built with {built}; compile it for"):
        control.load(TableImage(larger))
    assert link.frames == frames


def test_a_nic_of_impossible_sizes_is_an_error():
    nic = endpoint(SMALL)
    nic._registers._words["geometry_a"] = 3
    with pytest.raises(
        NicError, match=r"^geometry_a: The NIC says that it has sizes that none has"
    ):
        InbandRegisters(InbandBus(VirtualLink(nic), client()))


def test_what_is_no_answer_to_this_request_is_passed_over():
    nic, host = endpoint(SMALL), client()
    opening = host.request([read(0)], 0.0)
    session = message(opening).header.session
    opened = nic.receive(opening)
    for kind in (Kind.DONE, Kind.LOST, Kind.REQUEST, Kind.OPEN):
        assert host.receive(frame(HOST, NIC, Header(kind=kind, session=session)), 0.0) is None
    assert host.receive(opened[:20] + b"x" + opened[21:], 0.0) is None
    assert host.receive(bytes(60), 0.0) is None
    other = Header(kind=Kind.OPENED, session=session ^ 1, sequence=77, registers=2)
    assert host.receive(frame(HOST, NIC, other), 0.0) is None
    request = host.receive(opened, 0.0)
    header = message(request).header
    for late in (
        header._replace(kind=Kind.DONE, sequence=header.sequence - 1),
        header._replace(kind=Kind.LOST, sequence=header.sequence + 1),
        header._replace(kind=Kind.DONE, session=session ^ 1),
        header._replace(kind=Kind.OPENED),
        header,
    ):
        assert host.receive(frame(HOST, NIC, late), 0.0) is None
        assert host.answer is None
    host.receive(nic.receive(request), 0.0)
    assert host.answer.words.tolist() == [0x48594D53]
    host.request([], 0.0)
    with pytest.raises(ValueError, match="under way"):
        host.request([], 0.0)

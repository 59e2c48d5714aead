"""An emulated board between TAP devices: real interfaces, the driver over them, and the command."""

import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from hybridmesh.cli import main
from hybridmesh.lab.boardwire import BoardWire
from hybridmesh.lab.namespace import Namespace
from hybridmesh.lab.tap import Tap
from hybridmesh.nic import ReferenceNic
from hybridmesh.nic.emulated import GEOMETRY, EmulatedBoard
from hybridmesh.nic.ethernet import EthernetNic
from hybridmesh.nic.frames import split
from tb.lib.conversations import conversations
from tb.lib.traffic import PORT, table

RCVBUFFORCE = 33  # SO_RCVBUFFORCE, which the module socket does not know

COMMAND = [sys.executable, "-c", "import sys; from hybridmesh.cli import main; sys.exit(main())"]


class Interface:
    """A TAP in a namespace of its own, and a socket that sends and hears all frames of it."""

    def __init__(self, name: str, mtu: int) -> None:
        self.space = Namespace()
        with self.space.inside():
            self.tap = Tap(name)
            self.space.run("ip", "link", "set", "dev", name, "addrgenmode", "none")
            self.space.run("ip", "link", "set", "dev", name, "mtu", str(mtu), "up")
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self._socket.bind((name, 3))
        self._socket.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, 1 << 24)
        self._socket.settimeout(60)

    def send(self, frame: bytes) -> None:
        self._socket.send(frame)

    def hear(self, count: int, wanted: Callable[[bytes], bool]) -> list[bytes]:
        """The next *count* frames that are *wanted* and come from the cable."""
        heard: list[bytes] = []
        while len(heard) < count:
            frame, address = self._socket.recvfrom(4096)
            if address[2] != socket.PACKET_OUTGOING and wanted(frame):
                heard.append(frame)
        return heard

    def close(self) -> None:
        self._socket.close()
        self.tap.close()
        self.space.close()


def is_plain(frame: bytes) -> bool:
    """What a packet socket sends and hears as it is: of a length, and without VLAN tags."""
    return 60 <= len(frame) <= 1514 and frame[12:14] not in (b"\x81\x00", b"\x88\xa8")


def test_bursts_of_frames_pass_real_interfaces_both_ways_as_the_model_says(privileged: None):
    rng = random.Random(1)
    with (
        closing(Interface("wire0", 1500)) as wire,
        closing(Interface("nic0", 1540)) as host,
        EmulatedBoard() as board,
        closing(BoardWire(wire.tap, host.tap, board)),
    ):
        with host.space.inside(), EthernetNic("nic0", after=0) as nic:
            image = table(GEOMETRY)
            model = ReferenceNic(GEOMETRY)
            assert nic.load(image) == model.load(image)
            nic.verify()
            for driver in (nic, model):
                driver.listen(PORT)
            sent = list(filter(is_plain, conversations(rng, 400)))
            back = [bytes(6) + b"\2back\0\x08\0" + rng.randbytes(200) for _ in range(200)]
            source = sent[0][6:12]
            for frame in sent:
                wire.send(frame)
            for frame in back:
                host.send(frame)
            expected = model.exchange(sent)
            came = host.hear(len(expected), lambda frame: frame[6:12] == source)
            assert wire.hear(len(back), lambda frame: frame[6:12] == b"\2back\0") == back
            counted = nic.counters()
        assert [split(frame)[1] for frame in came] == [split(frame)[1] for frame in expected]
        verdicts = [[split(frame)[0] for frame in frames] for frames in (came, expected)]
        assert [v and v._replace(latency=0) for v in verdicts[0]] == verdicts[1]
        assert sum(v is not None for v in verdicts[0]) > 100
        assert counted["wire_rx_overrun"] == 0
        assert {name: counted[name] for name in ("decided", "spoofed")} == {
            name: model.counters()[name] for name in ("decided", "spoofed")
        }


@contextmanager
def emulated(place: Namespace) -> Iterator["subprocess.Popen[str]"]:
    """``hybridmesh nic emulate``, when both of its interfaces are up."""
    EmulatedBoard().close()  # built
    with (
        place.inside(),
        subprocess.Popen(
            [*COMMAND, "nic", "emulate", "--wire", "wire0", "--host", "nic0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said.startswith("a board of 256 rows, wire wire0, host nic0; ")
            for step in said.split("; "):
                if (command := step.removeprefix("go on: ")).startswith("ip "):
                    place.run(*command.split())
            yield process
        finally:
            process.kill()


def test_the_command_is_a_board_for_others_until_it_is_told_to_end(
    privileged: None, capsys: pytest.CaptureFixture[str]
):
    with closing(Namespace()) as place:
        with emulated(place) as process:
            assert main(["nic", "info", "--iface", "nic0"]) == 0
            assert main(["nic", "counters", "--iface", "nic0"]) == 0
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        lines = [line.split() for line in capsys.readouterr().out.splitlines()]
        assert ["wire", "port", "1000", "Mb/s,", "full", "duplex"] in lines
        (opened,) = (line[1] for line in lines if line[:1] == ["control_opened"])
        assert int(opened) >= 2
        with emulated(place) as process:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
            assert process.stderr is not None
            assert process.stderr.read().strip() == "hybridmesh: interrupted"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PermissionError(13, "Permission denied"), "Permission denied); run this as root"),
        (FileNotFoundError(2, "No such file or directory"), "run: modprobe tun, as root"),
    ],
)
def test_who_may_not_make_devices_is_told_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: OSError, line: str
):
    def refused(*_: object) -> int:
        raise error

    monkeypatch.setattr("hybridmesh.lab.tap.os.open", refused)
    assert main(["nic", "emulate", "--wire", "wire0", "--host", "nic0"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("hybridmesh: /dev/net/tun: A TAP device cannot be made (")
    assert line in said
    assert len(said.splitlines()) == 1


def test_a_name_that_no_interface_can_have_is_refused(capsys: pytest.CaptureFixture[str]):
    assert main(["nic", "emulate", "--wire", "a-name-too-long-", "--host", "nic0"]) == 1
    assert "has 1 to 15 bytes; name another" in capsys.readouterr().err


def test_an_interface_of_another_kind_is_no_port(
    privileged: None, capsys: pytest.CaptureFixture[str]
):
    with closing(Namespace()) as place, place.inside():
        assert main(["nic", "emulate", "--wire", "lo", "--host", "nic0"]) == 1
    assert "lo: A TAP device cannot be made (Invalid argument); name no" in capsys.readouterr().err

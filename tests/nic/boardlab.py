"""A NIC on a TAP device, in a namespace of its own: control frames go to the golden model."""

import os
import select
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from inbandlab import NicRegisters, endpoint

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.inband import is_control
from hybridmesh.errors import HybridMeshError
from hybridmesh.lab.mesh import manifest
from hybridmesh.lab.namespace import Namespace
from hybridmesh.lab.tap import Tap
from hybridmesh.tunnel.errors import TunnelError
from hybridmesh.tunnel.features import check_privileges

__all__ = ["GEOMETRY", "Board", "board", "lab_yaml", "privileged"]

GEOMETRY = Geometry(width=1, rows=64, hosts=16, predicates=16, max_frame=1522)


class Board:
    """An interface ``board0`` in a namespace of its own, and a NIC that answers there."""

    def __init__(self) -> None:
        self.host = Namespace()
        with self.host.inside():
            self._tap = Tap("board0")
        self.host.run("ip", "link", "set", "dev", "board0", "up")
        self.deaf = False
        self.reset()
        self._awake, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def reset(self) -> None:
        """It forgets all that it was told."""
        self._nic = endpoint(GEOMETRY, board=True)
        self.registers = self._nic._registers
        assert isinstance(self.registers, NicRegisters)

    def close(self) -> None:
        os.write(self._wake, b"x")
        self._thread.join()
        os.close(self._wake)
        os.close(self._awake)
        self._tap.close()
        self.host.close()

    def _answer(self) -> None:
        poll = select.poll()
        poll.register(self._tap.descriptor, select.POLLIN)
        poll.register(self._awake, select.POLLIN)
        while self._awake not in dict(poll.poll()):
            while (frame := self._tap.read()) is not None:
                if is_control(frame) and not self.deaf:
                    answer = self._nic.receive(frame)
                    if answer is not None:
                        self._tap.write(answer)


@pytest.fixture(scope="module")
def privileged() -> None:
    try:
        check_privileges()
        with Namespace().inside():
            Tap("tap0").close()
    except HybridMeshError as error:
        if os.environ.get("HYBRIDMESH_TUNNEL") == "required" and not isinstance(error, TunnelError):
            raise
        pytest.skip(str(error))


@pytest.fixture
def board(privileged: None) -> Iterator[Board]:
    made = Board()
    yield made
    made.close()


@pytest.fixture
def lab_yaml(tmp_path: Path) -> Path:
    path = tmp_path / "lab.yaml"
    path.write_text(manifest(5, "203.0.113.2", 8080))
    return path

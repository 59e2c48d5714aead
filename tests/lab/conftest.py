"""What the lab's tests take: root, on a kernel with all that the tunnel needs."""

import os

import pytest

from hybridmesh.errors import HybridMeshError
from hybridmesh.lab.namespace import Namespace
from hybridmesh.lab.tap import Tap
from hybridmesh.tunnel.cgroup import Cgroup, hierarchy
from hybridmesh.tunnel.errors import TunnelError
from hybridmesh.tunnel.features import check_privileges
from hybridmesh.tunnel.programs import Programs


@pytest.fixture(scope="session")
def root() -> None:
    try:
        check_privileges()
    except TunnelError as error:
        pytest.skip(str(error))
    try:
        Programs().close()
        Cgroup(hierarchy() / f"hybridmesh-labs-{os.getpid()}").close()
        host = Namespace()
        with host.inside():
            Tap("tap0").close()
        host.close()
    except HybridMeshError as error:
        if os.environ.get("HYBRIDMESH_TUNNEL") == "required":
            raise
        pytest.skip(str(error))

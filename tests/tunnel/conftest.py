"""The kernel's programs for the tests; these are skipped where they cannot be loaded.

With ``HYBRIDMESH_TUNNEL=required`` only a lack of privileges is a reason to skip: a missing tool or
feature is a failure.
"""

import os
from collections.abc import Iterator

import pytest

from hybridmesh.errors import HybridMeshError
from hybridmesh.lab.namespace import Namespace
from hybridmesh.lab.tap import Tap
from hybridmesh.tunnel.cgroup import Cgroup
from hybridmesh.tunnel.errors import TunnelError
from hybridmesh.tunnel.features import check_privileges
from hybridmesh.tunnel.programs import Programs

from .stage import own_cgroup


@pytest.fixture(scope="session")
def privileged() -> None:
    try:
        check_privileges()
    except TunnelError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def loaded(privileged: None) -> Iterator[Programs]:
    try:
        Cgroup(own_cgroup()).close()
        host = Namespace()
        with host.inside():
            Tap("tap0").close()
        host.close()
        programs = Programs()
    except HybridMeshError as error:
        if os.environ.get("HYBRIDMESH_TUNNEL") == "required":
            raise
        pytest.skip(str(error))
    with programs:
        yield programs

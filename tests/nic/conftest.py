"""Lets the tests import the benches, which are not installed; a NIC on a TAP device."""

import sys
from pathlib import Path

from boardlab import board, lab_yaml, privileged

__all__ = ["board", "lab_yaml", "privileged"]

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

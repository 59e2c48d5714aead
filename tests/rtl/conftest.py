"""Brings the helper modules of this folder within reach of the tests below it, and the benches,
which are not installed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

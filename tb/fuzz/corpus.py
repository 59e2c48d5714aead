"""Where inputs are: those of the repository, those that runs have added, and those that fail."""

from pathlib import Path

__all__ = ["corpus", "failing", "grown", "inputs"]

_BUILD = Path(__file__).resolve().parents[2] / "build" / "fuzz"


def corpus(name: str) -> Path:
    """The folder of the inputs to *name* that are part of the repository."""
    return Path(__file__).parent / "corpus" / name


def grown(name: str) -> Path:
    """The folder of those that runs have found to reach more."""
    return _BUILD / "corpus" / name


def failing(name: str) -> Path:
    """The folder of those that are complained about."""
    return _BUILD / "failing" / name


def inputs(name: str) -> dict[str, bytes]:
    """Those of the repository, by the names of their files."""
    return {path.name: path.read_bytes() for path in sorted(corpus(name).iterdir())}

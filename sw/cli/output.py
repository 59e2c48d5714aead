"""Files that a command writes whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import HybridMeshError

__all__ = ["whole"]


@contextmanager
def whole(*paths: Path) -> Iterator[tuple[Path, ...]]:
    """Files to be written, which take the places of *paths* where the block comes to its end.

    *paths* are of one folder.  Where the block is left otherwise, whatever stood there stays.

    Raises
    ------
    HybridMeshError
        At once, where the folder cannot be written.
    """
    try:
        work = tempfile.TemporaryDirectory(dir=paths[0].parent, prefix=f".{paths[0].name}-")
    except OSError as error:
        raise HybridMeshError(
            f"The file cannot be written: {error.strerror}",
            place=str(paths[0]),
            remedy="name one in a folder that can be written",
        ) from None
    with work as folder:
        written = tuple(Path(folder, path.name) for path in paths)
        yield written
        for source, path in zip(written, paths, strict=True):
            os.replace(source, path)

"""One target under Atheris, in a process of its own, as libFuzzer ends with it.

``python -m tb.fuzz.worker TARGET``, then the options and folders of libFuzzer
(https://llvm.org/docs/LibFuzzer.html).
"""

import sys
from collections.abc import Callable, Hashable
from functools import cache
from shlex import quote
from zlib import crc32

import atheris

with atheris.instrument_imports(include=["hybridmesh"]):
    from .target import put
    from .targets import TARGETS

_DOORS = 4096


def _door() -> Callable[[], None]:
    """A function with a counter of its own, so that a call of it is coverage."""

    def door() -> None:
        pass

    return atheris.instrument_func(door)


def main() -> None:
    name = sys.argv.pop(1)
    # libFuzzer starts itself again to merge and to minimise: by a shell, with this put first.
    sys.argv[0] = f"{quote(sys.executable)} -m tb.fuzz.worker {name}"
    target = TARGETS[name]
    doors = [_door() for _ in range(_DOORS)]

    @cache
    def door_to(feature: Hashable) -> Callable[[], None]:
        return doors[crc32(repr(feature).encode()) % _DOORS]

    # libFuzzer wants the same counters from one process to the next: doors have no order.
    atheris.Setup(sys.argv, lambda data: put(target, data, lambda feature: door_to(feature)()))
    atheris.Fuzz()


if __name__ == "__main__":
    main()

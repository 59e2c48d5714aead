"""What the frames and the accesses say that the NIC has taken and answered: kinds of frames,
verdicts, counters, registers.
"""

from collections.abc import Iterator, Sequence

from hybridmesh.contract.geometry import Geometry
from hybridmesh.contract.registers import COUNTERS, LISTENERS, REGISTERS, Access
from hybridmesh.contract.verdict import NO_ROW, Flag, Method, Reason, State, Verdict
from hybridmesh.nic.frames import locate_segment, split

from . import frames
from . import nic as driver
from .model import Bin, Group, Hits
from .nic import Frame

__all__ = ["Sampler", "groups"]

_USABLE = (State.DECIDED, State.PROVISIONAL)
_BODIES = {0: "no body", Flag.BODY_LENGTH: "a length", Flag.BODY_CHUNKED: "chunks"}
_HOW = ("in one segment", "in several")


def groups(geometry: Geometry) -> tuple[Group, ...]:
    width = f"width{geometry.width}"
    states = tuple(state.word for state in _USABLE)
    return (
        *frames.groups(geometry),
        Group(
            f"{width}_usable",
            "what a verdict says that a row comes with",
            {
                "state": states,
                "body": tuple(_BODIES.values()),
                "behind": ("nothing behind", "more behind"),
                "touch": ("no touch", "touch"),
            },
        ),
        Group(
            f"{width}_known",
            "the method of a head, and its state",
            {"method": tuple(m.name for m in Method), "state": states},
            _unusable_methods(states),
        ),
        Group(
            f"{width}_row",
            "the row that has won, or none",
            {"row": (*map(str, range(geometry.rows)), "none")},
        ),
        Group(
            f"{width}_reason",
            "why a head is not decided, and in how many segments it came",
            {"reason": tuple(r.word for r in Reason if r), "how": _HOW},
            _never(geometry),
        ),
        Group(
            f"{width}_listener",
            "the listener whose head was decided",
            {"listener": tuple(map(str, range(LISTENERS)))},
        ),
        Group(
            f"{width}_counter",
            "a counter that has counted",
            {"counter": tuple(counter.name for counter in COUNTERS)},
        ),
        Group(
            f"{width}_register",
            "a register that was used, and whether it may be",
            {
                "register": (*(r.name for r in REGISTERS), "none"),
                "use": ("read", "written", "read refused", "write refused"),
            },
            _unlike_access(),
        ),
    )


def _unusable_methods(states: Sequence[str]) -> dict[Bin, str]:
    why = {
        Method.OTHER: "an unknown method is not decided (reason method)",
        Method.CONNECT: "CONNECT has no path (reason target-form)",
    }
    return {(method.name, state): text for method, text in why.items() for state in states}


def _never(geometry: Geometry) -> dict[Bin, str]:
    argued: dict[Bin, str] = {}
    if geometry.width == 1:
        why = "at width 1 every key is there before the next one begins"
        argued |= {(Reason.CROWDED.word, how): why for how in _HOW}
    return argued


def _unlike_access() -> dict[Bin, str]:
    argued: dict[Bin, str] = {}
    for register in REGISTERS:
        if register.access is Access.READ:
            argued[register.name, "written"] = "it can only be read"
        if register.access is Access.WRITE:
            argued[register.name, "read"] = "it can only be written"
        if register.access is not Access.WRITE and register.name != "read_data":
            argued[register.name, "read refused"] = "it can always be read"
        if register.access is not Access.READ and register.name not in _REFUSING:
            argued[register.name, "write refused"] = "it can always be written"
    argued |= {("none", use): "no register is there" for use in ("read", "written")}
    return argued


_REFUSING = ("table_data", "read_address", "flow_hash", "flow_syn")
_NAMES = {register.address: register.name for register in REGISTERS}


class Sampler:
    """Adds to *hits* what it is shown of a NIC of *geometry* that listens on *ports*."""

    def __init__(self, geometry: Geometry, hits: Hits) -> None:
        self._geometry, self._hits = geometry, hits
        self._width = f"width{geometry.width}"

    def _add(self, group: str, *values: str) -> None:
        self._hits.add(f"{self._width}_{group}", *values)

    def frames(
        self, sent: Sequence[Frame], got: Sequence[bytes | None], ports: Sequence[int]
    ) -> None:
        """*sent* from the wire, and what the host *got* of each."""
        for frame, came in zip(sent, got, strict=True):
            verdict = None if came is None else split(came)[0]
            outcome = "dropped" if came is None else "passed" if verdict is None else "verdict"
            for kind in frames.kinds(frame.data, frame.bad, self._geometry.max_frame):
                self._add("frame", kind, outcome)
            if verdict is not None:
                self._verdict(frame.data, verdict, ports)

    def _verdict(self, frame: bytes, verdict: Verdict, ports: Sequence[int]) -> None:
        segment = locate_segment(frame)
        assert segment is not None
        if not verdict.usable:
            how = _HOW[verdict.seq != segment.seq]
            self._add("reason", Reason(verdict.reason).word, how)
            return
        flags, state = Flag(verdict.flags), verdict.state.word
        body = _BODIES[int(flags & (Flag.BODY_LENGTH | Flag.BODY_CHUNKED))]
        behind = "more behind" if flags & Flag.MORE_DATA else "nothing behind"
        self._add("usable", state, body, behind, "touch" if flags & Flag.TOUCH else "no touch")
        self._add("known", Method(verdict.method).name, state)
        self._add("row", "none" if verdict.row == NO_ROW else str(verdict.row))
        self._add("listener", str(list(ports).index(segment.port)))

    def counters(self, values: dict[str, int]) -> None:
        for name, value in values.items():
            if value:
                self._add("counter", name)

    def accesses(self, accesses: Sequence[tuple[driver.Access, bool]]) -> None:
        for access, refused in accesses:
            for use in _uses(access, refused):
                self._add("register", _NAMES.get(access.address, "none"), use)


def _uses(access: driver.Access, refused: bool) -> Iterator[str]:
    if access.is_write:
        yield "write refused" if refused else "written"
    elif access.is_read:
        yield "read refused" if refused else "read"

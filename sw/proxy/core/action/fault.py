"""Faults on purpose: delays and aborts (``fault``), as Envoy's filter makes them."""

import random

from hybridmesh.config.model import Abort, Fault

from ..flags import ResponseFlag
from ..reply import Reply

__all__ = ["Faults"]

_GRPC_OK = 200


class Faults:
    """One route's faults; each is drawn for every request by itself."""

    __slots__ = ("_abort", "_delay", "_reply")

    def __init__(self, fault: Fault) -> None:
        self._delay = fault.delay
        self._abort = fault.abort
        self._reply = None if fault.abort is None else _reply(fault.abort)

    def delay(self, rng: random.Random) -> float:
        """Seconds that this request has to wait; 0: it goes on at once."""
        delay = self._delay
        return delay.seconds if delay is not None and rng.random() < delay.share else 0.0

    def abort(self, rng: random.Random) -> Reply | None:
        """The answer that this request gets instead of its own."""
        abort = self._abort
        return self._reply if abort is not None and rng.random() < abort.share else None


def _reply(abort: Abort) -> Reply:
    return Reply(
        abort.status or _GRPC_OK,
        b"fault filter abort",
        "fault_filter_abort",
        ResponseFlag.FI,
        grpc_status=abort.grpc_status,
    )

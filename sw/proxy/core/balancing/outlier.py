"""Outlier detection: hosts that fail several times in a row are ejected for a while.

Rules, arithmetic and the names of the counters are those of Envoy
(``envoy.config.cluster.v3.OutlierDetection``), as Istio sets it up: errors in a row are all that
counts, and those that count always eject.
"""

from collections.abc import Callable, Iterable

from hybridmesh.config.model import OutlierDetection

from ..clock import Clock
from .host import Host

__all__ = ["Detector", "Monitor", "http_status"]

_5XX = "consecutive_5xx"
_GATEWAY = "consecutive_gateway_failure"
_LOCAL = "consecutive_local_origin_failure"

# fmt: off
_OF_GRPC = {
    0: 200, 1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409,
    11: 400, 12: 501, 13: 500, 14: 503, 15: 500, 16: 401,
}
# fmt: on


def http_status(grpc_status: int) -> int:
    """What a gRPC status in the head of a response counts as."""
    return _OF_GRPC.get(grpc_status, 500)


class Monitor:
    """Counts the errors of one host; its :class:`~.host.Watch`.

    Attributes
    ----------
    ejected_at : float or None
        None: it is not ejected.
    times : int
        Ejections so far, less one for every interval out of them; the longer the next one lasts.
    """

    __slots__ = ("_5xx", "_detector", "_gateway", "_local", "_split", "ejected_at", "host", "times")

    def __init__(self, detector: "Detector", host: Host) -> None:
        self.host = host
        self.ejected_at: float | None = None
        self.times = 0
        self._detector = detector
        self._split = detector.policy.split_local
        self._5xx = self._gateway = self._local = 0

    def connected(self) -> None:
        self._local = 0

    def responded(self, status: int) -> None:
        if status < 500 or status > 599:
            self._5xx = self._gateway = 0
            return
        detector = self._detector
        policy = detector.policy
        if status in (502, 503, 504):
            self._gateway += 1
            if self._gateway == policy.consecutive_gateway and detector.found(self, _GATEWAY):
                self._gateway = 0
        else:
            self._gateway = 0
        self._5xx += 1
        if self._5xx == policy.consecutive_5xx and detector.found(self, _5XX):
            self._5xx = 0

    def reset(self) -> None:
        if self._split:
            self._fail()
        else:
            self.responded(503)

    def timed_out(self) -> None:
        if self._split:
            self._fail()
        else:
            self.responded(504)

    def forget(self) -> None:
        """Count anew."""
        self._5xx = self._gateway = self._local = 0

    def _fail(self) -> None:
        self._local += 1
        detector = self._detector
        if self._local == detector.policy.consecutive_local and detector.found(self, _LOCAL):
            self._local = 0


class Detector:
    """Outlier detection of a cluster.

    It looks every ``interval`` after its start for hosts to take back, but only while there is
    something to find: a cluster in good health costs nothing.

    Parameters
    ----------
    policy : OutlierDetection
    clock : Clock
    changed : callable
        Called after hosts have been ejected or taken back.

    Attributes
    ----------
    counters : dict
        ``outlier_detection.*``; ``ejections_total`` and ``ejections_consecutive_5xx`` are Envoy's
        deprecated ones, which know status 5xx alone.
    """

    def __init__(self, policy: OutlierDetection, clock: Clock, changed: Callable[[], None]) -> None:
        self.policy = policy
        self.counters = dict.fromkeys(
            ["ejections_active", "ejections_enforced_total", "ejections_overflow"]
            + [f"ejections_{how}_{kind}" for kind in (_5XX, _GATEWAY, _LOCAL)
               for how in ("detected", "enforced")]
            + ["ejections_total", "ejections_consecutive_5xx"],
            0,
        )  # fmt: skip
        self._clock = clock
        self._changed = changed
        self._began = clock.now
        self._armed = False
        self._monitors: dict[Host, Monitor] = {}

    def update(self, hosts: Iterable[Host]) -> None:
        """These are the hosts from now on; what is known of those that stay is kept."""
        before = self._monitors
        self._monitors = {host: before.get(host) or Monitor(self, host) for host in hosts}
        for host, monitor in self._monitors.items():
            host.monitor = monitor
        self.counters["ejections_active"] = sum(host.ejected for host in self._monitors)

    def found(self, monitor: Monitor, kind: str) -> bool:
        """A host has as many errors of this *kind* as it takes; whether to count anew."""
        if monitor.ejected_at is not None or monitor.host not in self._monitors:
            return False
        self.counters[f"ejections_detected_{kind}"] += 1
        self._eject(monitor, kind)
        if kind == _5XX:
            self.counters["ejections_consecutive_5xx"] += 1
        return True

    def _eject(self, monitor: Monitor, kind: str) -> None:
        policy, counters = self.policy, self.counters
        ejected = counters["ejections_active"] + 1
        if 100 * ejected > policy.max_percent * len(self._monitors):
            counters["ejections_overflow"] += 1
            return
        if kind == _5XX:
            counters["ejections_total"] += 1
        counters["ejections_active"] = ejected
        counters["ejections_enforced_total"] += 1
        counters[f"ejections_enforced_{kind}"] += 1
        monitor.ejected_at = self._clock.now
        if monitor.times * policy.base_ejection < self._longest + policy.base_ejection:
            monitor.times += 1
        monitor.host.ejected = True
        self._arm()
        self._changed()

    @property
    def _longest(self) -> float:
        return max(self.policy.max_ejection, self.policy.base_ejection)

    def _arm(self) -> None:
        if not self._armed:
            self._armed = True
            interval = self.policy.interval
            swept = (self._clock.now - self._began) // interval
            self._clock.call_at(self._began + (swept + 1) * interval, self._sweep)

    def _sweep(self) -> None:
        """Take back whose time is over."""
        self._armed = False
        now, base = self._clock.now, self.policy.base_ejection
        back = []
        for monitor in self._monitors.values():
            if monitor.ejected_at is None:
                monitor.times = max(monitor.times - 1, 0)
            elif now - monitor.ejected_at >= min(base * monitor.times, self._longest):
                back.append(monitor)
        for monitor in back:
            monitor.ejected_at = None
            monitor.forget()
            monitor.host.ejected = False
        self.counters["ejections_active"] -= len(back)
        if any(monitor.times for monitor in self._monitors.values()):
            self._arm()
        if back:
            self._changed()

"""Counters under Envoy's names, one object per cluster and one for the listener.

Names that end in ``_active`` are gauges: they go back to zero when nothing is under way.
"""

from dataclasses import dataclass, field, fields

__all__ = ["ClusterStats", "ListenerStats", "snapshot"]


@dataclass(slots=True)
class ClusterStats:
    """``cluster.<name>.*``."""

    upstream_cx_total: int = 0
    upstream_cx_connect_fail: int = 0
    upstream_cx_connect_timeout: int = 0
    upstream_cx_idle_timeout: int = 0
    upstream_cx_max_requests: int = 0
    upstream_cx_max_duration_reached: int = 0
    upstream_cx_overflow: int = 0
    upstream_cx_none_healthy: int = 0
    upstream_cx_protocol_error: int = 0
    upstream_cx_destroy_with_active_rq: int = 0
    upstream_rq_total: int = 0
    upstream_rq_pending_total: int = 0
    upstream_rq_pending_overflow: int = 0
    upstream_rq_pending_failure_eject: int = 0
    upstream_rq_cancelled: int = 0
    upstream_rq_timeout: int = 0
    upstream_rq_per_try_timeout: int = 0
    upstream_rq_rx_reset: int = 0
    upstream_rq_tx_reset: int = 0
    upstream_rq_retry: int = 0
    upstream_rq_retry_success: int = 0
    upstream_rq_retry_overflow: int = 0
    upstream_rq_retry_limit_exceeded: int = 0
    upstream_rq_retry_backoff_exponential: int = 0
    retry_or_shadow_abandoned: int = 0
    upstream_rq_completed: int = 0
    upstream_rq_xx: list[int] = field(default_factory=lambda: [0] * 10)


@dataclass(slots=True)
class ListenerStats:
    """``http.ingress.*``, and what became of the NIC's verdicts (``verdict.*``)."""

    downstream_cx_total: int = 0
    downstream_cx_active: int = 0
    downstream_cx_destroy_remote_active_rq: int = 0
    downstream_cx_idle_timeout: int = 0
    downstream_cx_overflow: int = 0
    downstream_cx_protocol_error: int = 0
    downstream_rq_total: int = 0
    downstream_rq_active: int = 0
    downstream_rq_completed: int = 0
    downstream_rq_idle_timeout: int = 0
    downstream_rq_response_before_rq_complete: int = 0
    downstream_rq_rx_reset: int = 0
    downstream_rq_tx_reset: int = 0
    downstream_flow_control_paused_reading_total: int = 0
    downstream_rq_xx: list[int] = field(default_factory=lambda: [0] * 10)
    fault_delays_injected: int = 0
    fault_aborts_injected: int = 0
    no_route: int = 0
    no_cluster: int = 0
    verdict_unparsed: int = 0
    """Heads that went on unparsed, or were answered 404, by the verdict alone."""
    verdict_parsed: int = 0
    """Heads parsed although the verdict is decided: touch, HTTP/1.0, stale epoch, cut head."""
    verdict_provisional: int = 0
    verdict_undecided: int = 0
    verdict_malformed: int = 0
    verdict_none: int = 0


def snapshot(prefix: str, stats: ClusterStats | ListenerStats) -> dict[str, int]:
    """*stats* as ``{prefix.name: value}``; ``..._xx`` lists become ``..._1xx`` to ``..._5xx``."""
    counters: dict[str, int] = {}
    for each in fields(stats):
        value = getattr(stats, each.name)
        if isinstance(value, list):
            stem = each.name.removesuffix("xx")
            for hundreds in range(1, 6):
                counters[f"{prefix}.{stem}{hundreds}xx"] = value[hundreds]
        else:
            counters[f"{prefix}.{each.name.replace('verdict_', 'verdict.')}"] = value
    return counters

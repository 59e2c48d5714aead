"""Clusters: what istiod writes into ``envoy.config.cluster.v3`` for services and their policy."""

from collections.abc import Sequence
from itertools import groupby

from ..config.model import (
    Balancer,
    CircuitBreaker,
    Cluster,
    Endpoint,
    KeepAlive,
    LoadBalancing,
    OutlierDetection,
    Warmup,
)
from .proto import Json, duration, typed
from .tls import client_tls

__all__ = ["cluster"]

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def cluster(cluster: Cluster) -> Json:
    message: Json = {
        "name": cluster.name,
        "type": cluster.discovery.value,
        "dns_lookup_family": "V4_ONLY",  # as for a gateway without IPv6
        "connect_timeout": duration(cluster.connect_timeout),
        "lb_policy": cluster.balancing.kind.value,
        "circuit_breakers": {"thresholds": [_thresholds(cluster.breaker)]},
        "common_lb_config": _common_balancing(cluster),
        "typed_extension_protocol_options": {_HTTP_OPTIONS: _http_options(cluster)},
        "load_assignment": {
            "cluster_name": cluster.name,
            "endpoints": _localities(cluster.endpoints),
        },
    } | _balancing(cluster.balancing)
    if cluster.outlier is not None:
        message["outlier_detection"] = _outlier(cluster.outlier)
    if cluster.keep_alive is not None:
        message["upstream_connection_options"] = {"tcp_keepalive": _keep_alive(cluster.keep_alive)}
    if cluster.tls is not None:
        message["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": client_tls(cluster.tls),
        }
    return message


def _thresholds(breaker: CircuitBreaker) -> Json:
    return {
        "max_connections": breaker.max_connections,
        "max_pending_requests": breaker.max_pending_requests,
        "max_requests": breaker.max_requests,
        "max_retries": breaker.max_retries,
        "track_remaining": True,
    }


def _common_balancing(cluster: Cluster) -> Json:
    # Else Envoy gathers changes of pods' health for a second.
    message: Json = {"update_merge_window": "0s"}
    if cluster.outlier is not None:
        message["healthy_panic_threshold"] = {"value": cluster.outlier.min_healthy_percent}
    if cluster.balancing.by_locality:
        message["locality_weighted_lb_config"] = {}
    return message


def _http_options(cluster: Cluster) -> Json:
    common: Json = {"idle_timeout": duration(cluster.idle_timeout)}
    if cluster.max_requests_per_connection:
        common["max_requests_per_connection"] = cluster.max_requests_per_connection
    if cluster.max_connection_duration is not None:
        common["max_connection_duration"] = duration(cluster.max_connection_duration)
    options = typed(
        _HTTP_OPTIONS,
        common_http_protocol_options=common,
        explicit_http_config={"http_protocol_options": {}},
    )
    if cluster.tls is not None and not cluster.tls.sni:
        checked = cluster.tls.verify and not cluster.tls.names
        names = {"auto_sni": True, "auto_san_validation": checked}
        options["upstream_http_protocol_options"] = names
    return options


def _balancing(balancing: LoadBalancing) -> Json:
    match balancing.kind:
        case Balancer.RING_HASH:
            return {"ring_hash_lb_config": {"minimum_ring_size": balancing.minimum_ring_size}}
        case Balancer.MAGLEV:
            return {"maglev_lb_config": {"table_size": balancing.table_size}}
        case Balancer.ROUND_ROBIN if balancing.warmup:
            return {"round_robin_lb_config": _slow_start(balancing.warmup)}
        case Balancer.LEAST_REQUEST if balancing.warmup:
            return {"least_request_lb_config": _slow_start(balancing.warmup)}
        case _:
            return {}


def _slow_start(warmup: Warmup) -> Json:
    return {
        "slow_start_config": {
            "slow_start_window": duration(warmup.seconds),
            "aggression": {"default_value": warmup.aggression, "runtime_key": "aggression"},
            "min_weight_percent": {"value": warmup.minimum * 100},
        }
    }


def _localities(endpoints: Sequence[Endpoint]) -> list[Json]:
    def place(endpoint: Endpoint) -> tuple[int, str, int]:
        return endpoint.priority, endpoint.locality, endpoint.locality_weight

    groups = []
    for (priority, locality, weight), members in groupby(sorted(endpoints, key=place), place):
        parts = zip(("region", "zone", "sub_zone"), locality.split("/"), strict=False)
        groups.append(
            {
                "locality": dict(parts),
                "priority": priority,
                "load_balancing_weight": weight,
                "lb_endpoints": [_endpoint(member) for member in members],
            }
        )
    return groups


def _endpoint(endpoint: Endpoint) -> Json:
    address = {"address": endpoint.address, "port_value": endpoint.port}
    return {
        "endpoint": {"address": {"socket_address": address}},
        "load_balancing_weight": endpoint.weight,
    }


def _outlier(outlier: OutlierDetection) -> Json:
    message: Json = {
        "consecutive_5xx": outlier.consecutive_5xx,
        "enforcing_consecutive_5xx": 100 if outlier.consecutive_5xx else 0,
        "consecutive_gateway_failure": outlier.consecutive_gateway,
        "enforcing_consecutive_gateway_failure": 100 if outlier.consecutive_gateway else 0,
        "enforcing_success_rate": 0,
        "interval": duration(outlier.interval),
        "base_ejection_time": duration(outlier.base_ejection),
        "max_ejection_time": duration(outlier.max_ejection),
        "max_ejection_percent": outlier.max_percent,
    }
    if outlier.split_local:
        message |= {
            "split_external_local_origin_errors": True,
            "consecutive_local_origin_failure": outlier.consecutive_local,
            "enforcing_consecutive_local_origin_failure": 100,
            "enforcing_local_origin_success_rate": 0,
        }
    return message


def _keep_alive(keep_alive: KeepAlive) -> Json:
    values = {
        "keepalive_probes": keep_alive.probes,
        "keepalive_time": keep_alive.time,
        "keepalive_interval": keep_alive.interval,
    }
    return {name: value for name, value in values.items() if value}

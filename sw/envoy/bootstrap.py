"""The whole configuration: listeners as an Istio ingress gateway has them, clusters, runtime."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..config.model import Listener, Mesh, PathNormalization, RouteTable, TlsServer
from .clusters import cluster
from .proto import Json, typed
from .routes import route_configuration
from .tls import server_tls

__all__ = ["ISTIO", "LEAN", "Serving", "bootstrap"]

_RUNTIME = {
    # Istio's bootstrap: fragments are cut, not refused, and large regular expressions are allowed.
    "envoy.reloadable_features.http_reject_path_with_fragment": False,
    "re2.max_program_size.error_level": 32768,
}

_FILTERS = {
    "envoy.filters.http.grpc_stats": (
        "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig",
        {"emit_filter_state": True, "stats_for_all_methods": False},
    ),
    "envoy.filters.http.fault": ("envoy.extensions.filters.http.fault.v3.HTTPFault", {}),
    "envoy.filters.http.cors": ("envoy.extensions.filters.http.cors.v3.Cors", {}),
    "envoy.filters.http.router": ("envoy.extensions.filters.http.router.v3.Router", {}),
}

LEAN = ("envoy.filters.http.router",)
"""The filter without which no request goes anywhere."""

ISTIO = tuple(_FILTERS)
"""Those of Istio's gateways which the open Envoy has."""

# Istio's default, EnvoyTextLogFormat.
_LOG_FORMAT = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" '
    "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "
    '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% '
    '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" '
    '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% '
    "%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% "
    "%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"
)


@dataclass(frozen=True)
class Serving:
    """What no mesh says of how Envoy serves it.

    Attributes
    ----------
    address : str
    port : int
        Of the listener, if there is one alone; 0: all are at ports of the system's choice.
    filters : tuple of str
        The router last.
    access_log : str
        Path of the file that gets Istio's default line for each request; empty: none.
    """

    address: str = "127.0.0.1"
    port: int = 0
    filters: tuple[str, ...] = (
        "envoy.filters.http.fault",
        "envoy.filters.http.cors",
        "envoy.filters.http.router",
    )
    access_log: str = ""


_DEFAULT = Serving()


def bootstrap(meshes: Sequence[Mesh], serving: Serving = _DEFAULT) -> Json:
    """The listeners of all meshes; that of the n-th mesh for port 80 is called ``n/80``.  No two
    meshes may have clusters of one name."""
    clusters = {name: cluster(one) for mesh in meshes for name, one in mesh.clusters.items()}
    return {
        "admin": {"address": _address("127.0.0.1", 0)},
        "layered_runtime": {"layers": [{"name": "istio", "static_layer": _RUNTIME}]},
        "static_resources": {
            "listeners": [
                _listener(f"{number}/{listener.port}", listener, mesh, serving)
                for number, mesh in enumerate(meshes)
                for listener in mesh.listeners
            ],
            "clusters": list(clusters.values()),
        },
    }


def _address(address: str, port: int) -> Json:
    return {"socket_address": {"address": address, "port_value": port}}


def _listener(name: str, listener: Listener, mesh: Mesh, serving: Serving) -> Json:
    message: Json = {"name": name, "address": _address(serving.address, serving.port)}
    if listener.table is not None:
        return message | {"filter_chains": [{"filters": _filters(listener.table, mesh, serving)}]}
    inspector = typed("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector")
    return message | {
        "listener_filters": [
            {"name": "envoy.filters.listener.tls_inspector", "typed_config": inspector}
        ],
        "filter_chains": [_secure_chain(server, mesh, serving) for server in listener.servers],
    }


def _secure_chain(server: TlsServer, mesh: Mesh, serving: Serving) -> Json:
    chain: Json = {
        "filters": _filters(server.table, mesh, serving),
        "transport_socket": {
            "name": "envoy.transport_sockets.tls",
            "typed_config": server_tls(server.tls),
        },
    }
    if "*" not in server.names:
        chain["filter_chain_match"] = {"server_names": list(server.names)}
    return chain


def _filters(table: RouteTable, mesh: Mesh, serving: Serving) -> list[Json]:
    name = "envoy.filters.network.http_connection_manager"
    return [{"name": name, "typed_config": _connection_manager(table, mesh, serving)}]


def _connection_manager(table: RouteTable, mesh: Mesh, serving: Serving) -> Json:
    return typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        codec_type="AUTO",
        stat_prefix="ingress",
        server_name="istio-envoy",
        # The edge: what clients say of addresses and of Envoy's own fields does not count.
        use_remote_address=True,
        xff_num_trusted_hops=mesh.topology.trusted_proxies,
        forward_client_cert_details=mesh.topology.certificates.value,
        set_current_client_cert_details={"subject": True, "cert": True, "dns": True, "uri": True},
        http_protocol_options={"accept_http_10": True},  # PILOT_HTTP10
        upgrade_configs=[{"upgrade_type": "websocket"}],
        proxy_100_continue=True,
        stream_idle_timeout="0s",
        route_config=route_configuration(table),
        http_filters=[
            {"name": name, "typed_config": typed(_FILTERS[name][0], **_FILTERS[name][1])}
            for name in serving.filters
        ],
        access_log=_access_log(serving.access_log),
        **_path_normalization(mesh.paths),
    )


def _access_log(path: str) -> list[Json]:
    if not path:
        return []
    config = typed(
        "envoy.extensions.access_loggers.file.v3.FileAccessLog",
        path=path,
        log_format={"text_format_source": {"inline_string": _LOG_FORMAT}},
    )
    return [{"name": "envoy.access_loggers.file", "typed_config": config}]


def _path_normalization(paths: PathNormalization) -> Json:
    decoded = paths is PathNormalization.DECODE_AND_MERGE_SLASHES
    return {
        "normalize_path": paths is not PathNormalization.NONE,
        "merge_slashes": decoded or paths is PathNormalization.MERGE_SLASHES,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD" if decoded else "KEEP_UNCHANGED",
    }

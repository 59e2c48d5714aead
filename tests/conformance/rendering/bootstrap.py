"""The whole configuration: listeners as an Istio ingress gateway has them, clusters, runtime."""

from collections.abc import Sequence

from hybridmesh.config.model import Mesh, PathNormalization

from .clusters import cluster
from .proto import Json, typed
from .routes import route_configuration

__all__ = ["bootstrap"]

_RUNTIME = {
    # Istio's bootstrap: fragments are cut, not refused, and large regular expressions are allowed.
    "envoy.reloadable_features.http_reject_path_with_fragment": False,
    "re2.max_program_size.error_level": 32768,
}

_FILTERS = {
    "envoy.filters.http.fault": "envoy.extensions.filters.http.fault.v3.HTTPFault",
    "envoy.filters.http.cors": "envoy.extensions.filters.http.cors.v3.Cors",
    "envoy.filters.http.router": "envoy.extensions.filters.http.router.v3.Router",
}


def bootstrap(meshes: Sequence[Mesh]) -> Json:
    """A listener for each mesh, at ports of the system's choice, the n-th called ``n``; no two
    meshes may have clusters of one name."""
    clusters = {name: cluster(one) for mesh in meshes for name, one in mesh.clusters.items()}
    return {
        "admin": {"address": _address(0)},
        "layered_runtime": {"layers": [{"name": "istio", "static_layer": _RUNTIME}]},
        "static_resources": {
            "listeners": [_listener(str(n), mesh) for n, mesh in enumerate(meshes)],
            "clusters": list(clusters.values()),
        },
    }


def _address(port: int) -> Json:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _listener(name: str, mesh: Mesh) -> Json:
    return {
        "name": name,
        "address": _address(0),
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": _connection_manager(mesh),
                    }
                ]
            }
        ],
    }


def _connection_manager(mesh: Mesh) -> Json:
    return typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        codec_type="AUTO",
        stat_prefix="ingress",
        server_name="istio-envoy",
        # The edge: what clients say of addresses and of Envoy's own fields does not count.
        use_remote_address=True,
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"subject": True, "cert": True, "dns": True, "uri": True},
        http_protocol_options={"accept_http_10": True},  # PILOT_HTTP10
        upgrade_configs=[{"upgrade_type": "websocket"}],
        proxy_100_continue=True,
        stream_idle_timeout="0s",
        route_config=route_configuration(mesh.table),
        http_filters=[
            {"name": name, "typed_config": typed(message)} for name, message in _FILTERS.items()
        ],
        **_path_normalization(mesh.paths),
    )


def _path_normalization(paths: PathNormalization) -> Json:
    decoded = paths is PathNormalization.DECODE_AND_MERGE_SLASHES
    return {
        "normalize_path": paths is not PathNormalization.NONE,
        "merge_slashes": decoded or paths is PathNormalization.MERGE_SLASHES,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD" if decoded else "KEEP_UNCHANGED",
    }

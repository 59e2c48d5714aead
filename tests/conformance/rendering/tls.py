"""TLS towards pods and towards clients: ``envoy.extensions.transport_sockets.tls.v3``."""

from hybridmesh.config.model import ClusterTls, ServerTls

from .proto import Json, typed

__all__ = ["client_tls", "server_tls"]

_PACKAGE = "envoy.extensions.transport_sockets.tls.v3"
_SYSTEM = "/etc/ssl/certs/ca-certificates.crt"


def client_tls(tls: ClusterTls) -> Json:
    """Towards pods."""
    validation: Json = {}
    if tls.verify:
        validation["trusted_ca"] = {"filename": tls.authorities or _SYSTEM}
        if tls.names:
            validation["match_typed_subject_alt_names"] = [
                {"san_type": "DNS", "matcher": {"exact": name}} for name in tls.names
            ]
    common: Json = {"validation_context": validation}
    if tls.certificate:
        common["tls_certificates"] = [_certificate(tls.certificate, tls.key)]
    context = typed(
        f"{_PACKAGE}.UpstreamTlsContext", common_tls_context=common, auto_host_sni=not tls.sni
    )
    return context | {"sni": tls.sni} if tls.sni else context


def server_tls(tls: ServerTls) -> Json:
    """Towards clients."""
    common: Json = {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificates": [_certificate(tls.certificate, tls.key)],
        "tls_params": {
            "tls_minimum_protocol_version": _version(tls.minimum),
            "tls_maximum_protocol_version": _version(tls.maximum),
        },
    }
    if tls.ciphers:
        common["tls_params"]["cipher_suites"] = list(tls.ciphers)
    if tls.authorities:
        common["validation_context"] = {"trusted_ca": {"filename": tls.authorities}}
    return typed(
        f"{_PACKAGE}.DownstreamTlsContext",
        common_tls_context=common,
        require_client_certificate=bool(tls.authorities),
    )


def _certificate(certificate: str, key: str) -> Json:
    return {"certificate_chain": {"filename": certificate}, "private_key": {"filename": key}}


def _version(text: str) -> str:
    return f"TLSv{text.replace('.', '_')}"

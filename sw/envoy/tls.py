"""TLS towards pods and towards clients: ``envoy.extensions.transport_sockets.tls.v3``."""

from base64 import b64encode

from ..config.model import Certificate, ClientCertificates, ClusterTls, ServerTls, Source
from .proto import Json, typed

__all__ = ["client_tls", "server_tls"]

_PACKAGE = "envoy.extensions.transport_sockets.tls.v3"
_SYSTEM = "/etc/ssl/certs/ca-certificates.crt"


def client_tls(tls: ClusterTls) -> Json:
    """Towards pods."""
    validation: Json = {}
    if tls.verify:
        validation["trusted_ca"] = _source(tls.authorities or _SYSTEM)
        if tls.names:
            validation["match_typed_subject_alt_names"] = [
                {"san_type": "DNS", "matcher": {"exact": name}} for name in tls.names
            ]
    common: Json = {"validation_context": validation}
    if tls.revoked:
        validation["crl"] = _source(tls.revoked)
    if tls.certificate:
        common["tls_certificates"] = [_certificate(tls.certificate)]
    common["tls_params"] = {
        "tls_minimum_protocol_version": "TLSv1_2",
        "tls_maximum_protocol_version": "TLSv1_3",
    }
    context = typed(f"{_PACKAGE}.UpstreamTlsContext", common_tls_context=common)
    return context | {"sni": tls.sni} if tls.sni else context


def server_tls(tls: ServerTls) -> Json:
    """Towards clients."""
    common: Json = {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificates": [_certificate(each) for each in tls.certificates],
        "tls_params": {
            "tls_minimum_protocol_version": _version(tls.minimum),
            "tls_maximum_protocol_version": _version(tls.maximum),
        },
    }
    if tls.ciphers:
        common["tls_params"]["cipher_suites"] = list(tls.ciphers)
    clients = tls.clients
    if clients is not None:
        common["validation_context"] = _validation(clients)
    return typed(
        f"{_PACKAGE}.DownstreamTlsContext",
        common_tls_context=common,
        require_client_certificate=clients is not None and clients.required,
    )


def _validation(clients: ClientCertificates) -> Json:
    validation: Json = {"trusted_ca": _source(clients.authorities)}
    if clients.revoked:
        validation["crl"] = _source(clients.revoked)
    if clients.names:
        validation["match_typed_subject_alt_names"] = [
            {"san_type": kind, "matcher": {"exact": name}}
            for name in clients.names
            for kind in ("DNS", "URI", "EMAIL", "IP_ADDRESS")
        ]
    if clients.certificates:
        validation["verify_certificate_hash"] = [each.hex() for each in clients.certificates]
    if clients.keys:
        validation["verify_certificate_spki"] = [b64encode(k).decode() for k in clients.keys]
    return validation


def _certificate(certificate: Certificate) -> Json:
    return {
        "certificate_chain": _source(certificate.chain),
        "private_key": _source(certificate.key),
    }


def _source(source: Source) -> Json:
    if isinstance(source, str):
        return {"filename": source}
    return {"inline_bytes": b64encode(source.text).decode()}


def _version(text: str) -> str:
    return f"TLSv{text.replace('.', '_')}"

"""What is read into the model, and refused all the same until the proxy does it.

The one place to shorten as the proxy learns: once an entry is gone, the field is done.
"""

from collections.abc import Mapping

__all__ = ["NOT_YET"]

_DNS = "the proxy does not ask DNS"
_LOCALITY = "the proxy does not know of localities"
_WARMUP = "the proxy does not warm endpoints up"
_HASH = "the proxy does not hash requests"
_OUTLIERS = "the proxy does not look for outliers"

NOT_YET: Mapping[str, str] = {
    "ServiceEntry.resolution=DNS": _DNS,
    "ServiceEntry.resolution=DNS_ROUND_ROBIN": _DNS,
    "LoadBalancerSettings.consistentHash": _HASH,
    "TrafficPolicy.outlierDetection": _OUTLIERS,
    "TrafficPolicy.PortTrafficPolicy.outlierDetection": _OUTLIERS,
    "LoadBalancerSettings.localityLbSetting": _LOCALITY,
    "WorkloadEntry.locality": _LOCALITY,
    "LoadBalancerSettings.warmup": _WARMUP,
    "LoadBalancerSettings.warmupDurationSecs": _WARMUP,
}
"""By ``Message.field`` or ``Message.field=word`` of Istio, why it is refused."""

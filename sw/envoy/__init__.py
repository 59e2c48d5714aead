"""A mesh as the configuration that istiod would send an Envoy which is an ingress gateway."""

from .bootstrap import ISTIO, LEAN, Serving, bootstrap

__all__ = ["ISTIO", "LEAN", "Serving", "bootstrap"]

"""A mesh as the configuration that istiod would send an Envoy which is an ingress gateway."""

from .bootstrap import bootstrap

__all__ = ["bootstrap"]

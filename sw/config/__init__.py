"""The control plane's reader: Istio YAML to a :class:`~.model.Mesh`, and what is wrong with it."""

from .findings import ConfigError, Finding, Severity
from .load import lint, load
from .model import Mesh

__all__ = ["ConfigError", "Finding", "Mesh", "Severity", "lint", "load"]

"""What holds for the whole mesh: istiod reads it from a ConfigMap, which the installation makes of
an IstioOperator."""

from collections.abc import Sequence

from .document import Node, parse
from .findings import Report
from .istio.mesh_config import ConfigMap, IstioOperator, MeshConfig
from .message import BrokenError, FieldError, MessageT, read
from .resource import Resource, Resources

__all__ = ["mesh_settings"]


def mesh_settings(resources: Resources, report: Report) -> MeshConfig:
    """The settings; Istio's defaults where the YAML has none."""
    config_map = _only(resources.of(ConfigMap), report)
    operator = _only(resources.of(IstioOperator), report)
    settings = None
    if config_map is not None:
        settings = _within(config_map.spec, report)
    elif operator is not None:
        settings = operator.spec.mesh_config
    if settings is None:
        return MeshConfig(Node({}, 0, ""))
    return settings


def _only(resources: Sequence[Resource[MessageT]], report: Report) -> Resource[MessageT] | None:
    for other in resources[1:]:
        report.error(
            other.location,
            f"a second {other.kind} (the first is at {resources[0].location})",
            "keep one of them",
        )
    return resources[0] if resources else None


def _within(config_map: ConfigMap, report: Report) -> MeshConfig | None:
    """The MeshConfig in the text of *config_map*."""
    data = config_map.data
    assert data is not None  # or it would have been passed over
    text: Node = data.node.value["mesh"]  # type: ignore[index, call-overload, assignment]
    # A block begins on the line after its key.
    lines = "\n" * text.line
    for inner in parse(lines + data.mesh, text.location.file, report):
        data.node.adopt("mesh", inner, text.line)
        if inner.value is None:
            continue
        try:
            return read(MeshConfig, inner, report)
        except FieldError as wrong:
            report.error((wrong.node or inner).location, wrong.message, wrong.remedy)
        except BrokenError:
            pass
    return None

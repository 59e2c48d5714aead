"""One explanation in words, as ``hybridmesh explain`` prints it."""

from collections.abc import Sequence

from ..config.model import Action, DirectResponse, Redirect, Route, WeightedCluster
from ..contract.verdict import NO_ROW, Reason, Verdict
from ..explain import Explainer, Explanation
from .tables import console

__all__ = ["show"]


def show(
    explainer: Explainer,
    explanation: Explanation,
    passed: Sequence[tuple[Route, str]],
    choice: str,
) -> None:
    """Print *explanation*, with the routes *passed* over, and what the NIC of *choice* said."""
    lines = [("NIC verdict", _verdict(explanation.verdict, choice))]
    if explanation.error is not None:
        lines.append(("refused", explanation.error))
    else:
        host, route = explanation.virtual_host, explanation.route
        lines.append(("decided by", _decider(explanation)))
        lines.append(("virtual host", host.name if host else "none: no host of the gateway fits"))
        lines += [("passed over", f"{over.id}: {reason}") for over, reason in passed]
        if route is None:
            lines.append(("route", "none: 404"))
        else:
            lines.append(("route", f"{route.id} ({route.location})"))
            lines += _action(explainer, route.action)
    out = console()
    label = None
    for name, text in lines:
        out.print(f"{'' if name == label else name:14}{text}", markup=False, soft_wrap=True)
        label = name


def _verdict(verdict: Verdict | None, choice: str) -> str:
    if choice == "off":
        return "none: there is no NIC"
    if verdict is None:
        return "none: the NIC saw no request"
    words = [verdict.state.word]
    if verdict.reason:
        reason = Reason(verdict.reason)
        words.append(f"{reason.word}: {reason.meaning}")
    elif verdict.row == NO_ROW:
        words.append("no row matches")
    else:
        words.append(f"row {verdict.row} of epoch {verdict.epoch}")
    if choice == "sim":
        words.append(f"after {verdict.latency} cycles")
    return ", ".join(words)


def _decider(explanation: Explanation) -> str:
    return "the CPU" if explanation.software else "the NIC alone"


def _action(explainer: Explainer, action: Action) -> list[tuple[str, str]]:
    """What the route does, a line for each destination."""
    if isinstance(action, Redirect):
        return [("redirect", f"{action.code}")]
    if isinstance(action, DirectResponse):
        return [("response", f"{action.status}, {len(action.body)} bytes")]
    total = sum(share.weight for share in action.clusters)
    return [("cluster", _cluster(explainer, share, total)) for share in action.clusters]


def _cluster(explainer: Explainer, share: WeightedCluster, total: int) -> str:
    cluster = explainer.cluster(share.cluster)
    pods = ", ".join(map(str, cluster.endpoints)) if cluster else ""
    percent = f", {100 * share.weight / total:.0f} %" if share.weight != total else ""
    return f"{share.cluster}{percent}: {pods or 'no endpoint, 503'}"

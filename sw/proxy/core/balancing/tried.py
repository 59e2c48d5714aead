"""What a retry makes of the attempts before it: which hosts and priorities it avoids.

Envoy's ``previous_hosts`` and ``previous_priorities``, with Istio's settings.
"""

from collections.abc import Sequence

from hybridmesh.config.model import RetryPolicy

from .host import Host
from .load import distribute

__all__ = ["REPICKS", "Tried"]

REPICKS = 5
"""Times that a retry asks again before it takes a host that has been tried
(``host_selection_retry_max_attempts`` as Istio sets it)."""

_EVERY = 2
"""Attempts after which the priorities that they went to are avoided (``update_frequency``)."""


class Tried:
    """The attempts of one request.

    Parameters
    ----------
    policy : RetryPolicy

    Attributes
    ----------
    hosts : list
        Those that have had an attempt, in order, each as often as it had.
    """

    __slots__ = ("_avoided", "_policy", "_recent", "_shares", "hosts")

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self.hosts: list[Host] = []
        self._recent: list[int] = []
        self._avoided: set[int] = set()
        self._shares: Sequence[int] | None = None

    def add(self, host: Host) -> None:
        """*host* has had an attempt."""
        self.hosts.append(host)
        self._recent.append(host.endpoint.priority)

    def refuses(self, host: Host) -> bool:
        """Whether to ask for another one."""
        return self._policy.other_hosts and host in self.hosts

    def shares(self, able: Sequence[int]) -> Sequence[int] | None:
        """Shares of the priorities, which are *able* to take so much; None: the usual ones."""
        count = len(self._recent)
        if not self._policy.other_localities or count < _EVERY:
            return None
        if count % _EVERY == 0:
            self._avoided.update(self._recent)
            shares = distribute([0 if n in self._avoided else each for n, each in enumerate(able)])
            if shares is None:  # there is none left: begin anew
                self._avoided.clear()
                self._recent.clear()
            self._shares = shares
        return self._shares

"""Istio's ``OutlierDetection``: pods that fail are left alone for a while."""

from dataclasses import dataclass
from typing import Annotated

from ..message import FieldError, Message, Read
from ..model import OutlierDetection
from ..values import count, positive_duration, whole_percentage

__all__ = ["Outliers"]


@dataclass(frozen=True)
class Outliers(
    Message,
    name="OutlierDetection",
    no_effect={"consecutiveErrors": "Istio ignores it too; use `consecutiveGatewayErrors`"},
):
    """What is not given is as in Envoy, but for success rates, which Istio turns off."""

    split_external_local_origin_errors: bool = False
    consecutive_local_origin_failures: Annotated[int, Read(count)] | None = None
    consecutive_gateway_errors: Annotated[int, Read(count)] | None = None
    consecutive5xx_errors: Annotated[int, Read(count)] | None = None
    interval: Annotated[float, Read(positive_duration)] | None = None
    base_ejection_time: Annotated[float, Read(positive_duration)] | None = None
    max_ejection_percent: Annotated[int, Read(whole_percentage)] = 0
    min_health_percent: Annotated[int, Read(whole_percentage)] = 0

    def check(self) -> None:
        if self.consecutive_local_origin_failures and not self.split_external_local_origin_errors:
            raise FieldError(
                "'consecutiveLocalOriginFailures' needs 'splitExternalLocalOriginErrors: true'",
                "add it",
            )

    @property
    def model(self) -> OutlierDetection:
        default = OutlierDetection()
        server, gateway = self.consecutive5xx_errors, self.consecutive_gateway_errors
        base = self.base_ejection_time or default.base_ejection
        return OutlierDetection(
            consecutive_5xx=default.consecutive_5xx if server is None else server,
            consecutive_gateway=default.consecutive_gateway if gateway is None else gateway,
            consecutive_local=self.consecutive_local_origin_failures or default.consecutive_local,
            split_local=self.split_external_local_origin_errors,
            interval=self.interval or default.interval,
            base_ejection=base,
            max_ejection=max(base, default.max_ejection),
            max_percent=self.max_ejection_percent or default.max_percent,
            min_healthy_percent=self.min_health_percent,
        )

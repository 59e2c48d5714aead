"""Istio's ``HTTPFaultInjection``: requests that are delayed or fail on purpose."""

from dataclasses import dataclass
from typing import Annotated

from ..message import Choice, FieldError, Message, Read
from ..model import Abort, Delay, Fault
from ..values import positive_duration, status_code, whole_percentage
from .destinations import Percent

__all__ = ["HttpAbort", "HttpDelay", "HttpFault"]

_GRPC = (
    "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS "
    "PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED "
    "INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
)
"""The statuses of gRPC, in order of their numbers."""


@dataclass(frozen=True)
class HttpDelay(
    Message,
    name="HTTPFaultInjection.Delay",
    not_done={"exponentialDelay": "Istio refuses it too"},
):
    """Without percentage no request is delayed."""

    fixed_delay: Annotated[float, Read(positive_duration)] | None = None
    percentage: Percent | None = None
    percent: Annotated[int, Read(whole_percentage)] = 0

    @property
    def model(self) -> Delay | None:
        share = self.percentage.value if self.percentage else self.percent / 100
        return Delay(self.fixed_delay, share) if share and self.fixed_delay else None


@dataclass(frozen=True)
class HttpAbort(
    Message,
    name="HTTPFaultInjection.Abort",
    not_done={"http2Error": "Istio refuses it too"},
    one_of=("httpStatus grpcStatus",),
):
    """Without percentage no request is aborted."""

    http_status: Annotated[int, Read(status_code)] | None = None
    grpc_status: (
        Annotated[int, Read(Choice({word: n for n, word in enumerate(_GRPC.split())}))] | None
    ) = None
    percentage: Percent | None = None

    @property
    def model(self) -> Abort | None:
        share = self.percentage.value if self.percentage else 0.0
        if not share or (self.http_status is None and self.grpc_status is None):
            return None
        return Abort(share, self.http_status or 0, self.grpc_status)


@dataclass(frozen=True)
class HttpFault(Message, name="HTTPFaultInjection"):
    """A delay comes before an abort."""

    delay: HttpDelay | None = None
    abort: HttpAbort | None = None

    def check(self) -> None:
        if self.delay is None and self.abort is None:
            raise FieldError("the fault has neither 'delay' nor 'abort'", "add one of them")

    @property
    def model(self) -> Fault | None:
        """None: no request is ever touched."""
        delay = self.delay.model if self.delay else None
        abort = self.abort.model if self.abort else None
        return Fault(delay, abort) if delay or abort else None

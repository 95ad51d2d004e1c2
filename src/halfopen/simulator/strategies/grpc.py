"""gRPC's transparent client retries with throttling.

Rules
1. At most three calls, at the same server, all within the call's one deadline, which is the client's.
2. The n-th retry waits min(0.1 · 2ⁿ⁻¹, 1) s · U(0.8, 1.2). A server that asks for a wait gets exactly
   that one, and n begins anew.
3. Each server has a token count, at first 10 and never more: a failure that could be retried takes
   one, a success gives 0.1. Retries are made only while it is above 5.
4. Once a response's headers have come the call is committed and nothing is retried; an error that comes
   as a status alone is not such a response.

Choices that A6 leaves to the owner of a service: the delays are those of its example; retried are
connection failures, 408, 409, 429 and 5xx, which an owner would name for these APIs; `Retry-After` takes
the place of `grpc-retry-pushback-ms`.
Left out: hedging, the choice of another address of the same service, buffer limits, transparent retries.

Source: gRFC A6, github.com/grpc/proposal/blob/master/A6-client-retries.md.
"""

from collections.abc import Sequence
from typing import Final

from halfopen.model import Fault, Target
from halfopen.seams import Entropy
from halfopen.simulator.strategies.lineless import Lineless
from halfopen.simulator.strategies.retry_plan import Again, RetryPlan
from halfopen.simulator.strategies.transient import is_transient
from halfopen.simulator.strategy import Request

CALLS_MAX: Final = 3
TOKENS_MAX: Final = 10.0
TOKEN_RATIO: Final = 0.1
_FIRST_S: Final = 0.1
_LONGEST_S: Final = 1.0
_MULTIPLIER: Final = 2.0
_LOWEST: Final = 0.8
_WIDTH: Final = 0.4
_THOUSANDTHS: Final = 1000


class Throttle:
    """The token count of one server. In thousandths, as gRPC keeps it: sums of tenths drift."""

    __slots__ = ("_thousandths",)

    def __init__(self) -> None:
        """Starts full."""
        self._thousandths = int(TOKENS_MAX * _THOUSANDTHS)

    @property
    def tokens(self) -> float:
        """At hand."""
        return self._thousandths / _THOUSANDTHS

    @property
    def allows(self) -> bool:
        """Whether a retry may be made."""
        return self._thousandths * 2 > TOKENS_MAX * _THOUSANDTHS

    def failed(self) -> None:
        """A call failed in a way that could be retried."""
        self._thousandths = max(0, self._thousandths - _THOUSANDTHS)

    def succeeded(self) -> None:
        """A call succeeded."""
        full = int(TOKENS_MAX * _THOUSANDTHS)
        self._thousandths = min(full, self._thousandths + int(TOKEN_RATIO * _THOUSANDTHS))


class GrpcPlan(RetryPlan):
    """One request as a gRPC channel sends it."""

    __slots__ = ("_backoffs", "_entropy", "_throttle")

    def __init__(self, request: Request, entropy: Entropy, throttle: Throttle) -> None:
        """Nothing happens before `Arrived`."""
        super().__init__(request)
        self._entropy = entropy
        self._throttle = throttle
        self._backoffs = 0
        """Retries since the server last asked for a wait."""

    def again(self, fault: Fault, now: float) -> Again | None:
        """The next call, at the same server."""
        if not is_transient(fault):
            return None
        self._throttle.failed()
        if self.has_head or len(self.attempts) >= CALLS_MAX or not self._throttle.allows:
            return None
        if fault.delay_s is not None:
            self._backoffs = 0
            return Again(now + fault.delay_s)
        delay_s = min(_FIRST_S * _MULTIPLIER**self._backoffs, _LONGEST_S)
        self._backoffs += 1
        return Again(now + delay_s * (_LOWEST + _WIDTH * self._entropy()))

    def succeeded(self, now: float) -> None:  # noqa: ARG002 - the count knows no time
        """Fund later retries."""
        self._throttle.succeeded()


class Grpc(Lineless):
    """The strategy `grpc`."""

    __slots__ = ("_entropy", "_throttles", "name")

    def __init__(self, targets: Sequence[Target], entropy: Entropy) -> None:
        """One token count for each server."""
        self.name = "grpc"
        self._entropy = entropy
        self._throttles = {target.name: Throttle() for target in targets}

    def plan(self, request: Request, now: float) -> GrpcPlan:  # noqa: ARG002 - the protocol's signature
        """The plan of one request."""
        return GrpcPlan(request, self._entropy, self._throttles[request.targets[0].name])


def make_grpc(targets: Sequence[Target], entropy: Entropy, now: float) -> Grpc:  # noqa: ARG001 - as above
    """A fresh strategy for a run."""
    return Grpc(targets, entropy)

"""What requests to one target share: breaker, limiter, retry bucket, throttle, credential, known times.

Rules
1. `admit` asks all of them, cheapest first, and takes either everything or nothing. It says which
   one refused, and until when.
2. A permit is settled exactly once; settling it twice raises and changes nothing.
3. Only the target's own faults move the breaker: a bad request, a refused key, a rate limit or a
   client that left do not.
"""

from dataclasses import dataclass
from enum import Enum

from halfopen.model import Fault, Kind, Target, Verdict
from halfopen.policy.breaker import Breaker, Ticket
from halfopen.policy.bucket import RetryBucket
from halfopen.policy.credential import Credential
from halfopen.policy.first_content import FirstContentTimes
from halfopen.policy.limiter import Limiter
from halfopen.policy.options import PolicyOptions
from halfopen.seams import Entropy

_THROTTLE_DEFAULT_S = 2.0
_THROTTLE_MAX_S = 300.0
"""A server's longer wait is asked about again after this long: 86400 s has been seen for a short outage."""

OVERLOAD_KINDS = frozenset(
    {
        Kind.OVERLOADED,
        Kind.UNAVAILABLE,
        Kind.SLOW_DOWN,
        Kind.GATEWAY_TIMEOUT,
        Kind.EDGE_TIMEOUT,
        Kind.NO_RESPONSE,
        Kind.FIRST_TOKEN_TIMEOUT,
        Kind.CONNECT_TIMEOUT,
    }
)
"""Faults that say the target has too much to do."""

TIMEOUT_KINDS = frozenset(
    {
        Kind.GATEWAY_TIMEOUT,
        Kind.EDGE_TIMEOUT,
        Kind.NO_RESPONSE,
        Kind.FIRST_TOKEN_TIMEOUT,
        Kind.CONNECT_TIMEOUT,
        Kind.STALLED,
        Kind.DRIPPING,
    }
)
"""Faults whose retry costs double: they held the target's resources for long."""


REQUEST_KINDS = frozenset(
    {
        Kind.NOT_IMPLEMENTED,
        Kind.REQUEST_TOO_LARGE,
        Kind.RATE_LIMITED,
        Kind.CONTEXT_TOO_LONG,
        Kind.CONTENT_FILTERED,
    }
)
"""Faults that depend on the request, whatever their verdict: other requests need not suffer."""


class Refusal(Enum):
    """Why a target takes no call now."""

    PARKED = "credential parked"
    THROTTLED = "throttled by the provider"
    BREAKER_OPEN = "breaker open"
    SLOW_START = "recovering: only part of the traffic goes there"
    NO_ROOM = "too many calls in flight"


@dataclass(frozen=True, slots=True)
class Refused:
    """A target's no, with its reason."""

    reason: Refusal
    until: float
    """When to ask again; infinity: not by waiting."""


class Permit:
    """The right to make one call. Give it to `TargetState.settle_*` exactly once."""

    __slots__ = ("open", "refusals", "ticket")

    def __init__(self, ticket: Ticket, refusals: int) -> None:
        """Open until it is settled. `refusals`: those of the credential so far."""
        self.ticket = ticket
        self.refusals = refusals
        self.open = True


class TargetState:
    """The shared state of one target. Not thread-safe; one event loop owns it."""

    __slots__ = (
        "breaker",
        "bucket",
        "credential",
        "first_content",
        "last_fault",
        "limiter",
        "target",
        "throttled_until",
    )

    def __init__(
        self, target: Target, credential: Credential, options: PolicyOptions, entropy: Entropy, now: float
    ) -> None:
        """Starts healthy."""
        self.target = target
        self.credential = credential
        self.breaker = Breaker(options.breaker, entropy)
        self.bucket = RetryBucket(options.retry, now)
        self.limiter = Limiter(options.limit)
        self.first_content = FirstContentTimes()
        self.throttled_until = float("-inf")
        self.last_fault: Fault | None = None

    def could_serve(self, now: float) -> bool:
        """Whether a call has a chance now: not parked, throttled, full or given up. Takes nothing."""
        return (
            not self.credential.is_parked(now)
            and now >= self.throttled_until
            and self.limiter.has_room
            and self.breaker.retry_at(now, only_choice=False) <= now
        )

    def retry_at(self, now: float) -> float:
        """When a call may be let through that has nowhere else to go."""
        parked_until = self.credential.parked_until if self.credential.is_parked(now) else now
        return max(parked_until, self.throttled_until, self.breaker.retry_at(now, only_choice=True))

    def admit(self, now: float, *, only_choice: bool) -> Permit | Refused:
        """Take a permit for one call, or learn why there is none."""
        if self.credential.is_parked(now):
            return Refused(Refusal.PARKED, self.credential.parked_until)
        if now < self.throttled_until:
            return Refused(Refusal.THROTTLED, self.throttled_until)
        if not self.limiter.has_room:
            return Refused(Refusal.NO_ROOM, float("inf"))
        ticket = self.breaker.admit(now, only_choice=only_choice)
        if ticket is None:
            retry_at = self.breaker.retry_at(now, only_choice=only_choice)
            reason = Refusal.BREAKER_OPEN if retry_at > now else Refusal.SLOW_START
            return Refused(reason, retry_at)
        if not self.credential.admit(now):
            self.breaker.abandoned(ticket)
            return Refused(Refusal.PARKED, self.credential.parked_until)
        self.limiter.acquire()
        return Permit(ticket, self.credential.refusals)

    def answering(self, permit: Permit, now: float) -> None:
        """A stream's first content came: evidence of health, long before the stream ends."""
        self.breaker.answering(permit.ticket, now)
        self.credential.accepted(permit.refusals)

    def settle_success(self, permit: Permit, now: float) -> None:
        """The call got a whole answer."""
        _close(permit)
        self.breaker.succeeded(permit.ticket, now)
        self.bucket.succeeded()
        self.limiter.succeeded()
        self.limiter.release()
        self.credential.accepted(permit.refusals)
        self.last_fault = None

    def settle_fault(self, permit: Permit, fault: Fault, now: float) -> None:
        """The call failed."""
        _close(permit)
        self.limiter.release()
        if fault.kind in OVERLOAD_KINDS:
            self.limiter.overloaded(now)
        verdict = fault.verdict
        if verdict in (Verdict.RETRY, Verdict.FAILOVER) and fault.kind not in REQUEST_KINDS:
            self.breaker.failed(permit.ticket, now)
        else:
            self.breaker.abandoned(permit.ticket)
        if verdict is Verdict.FIX_REQUEST:
            return
        self.last_fault = fault
        if verdict in (Verdict.KEY, Verdict.QUOTA):
            self.credential.refused(fault, now)
        elif verdict is Verdict.THROTTLE:
            wait_s = _THROTTLE_DEFAULT_S if fault.delay_s is None else min(fault.delay_s, _THROTTLE_MAX_S)
            self.throttled_until = max(self.throttled_until, now + wait_s)
        elif fault.delay_s is not None:  # a 503 with Retry-After
            self.throttled_until = max(self.throttled_until, now + min(fault.delay_s, _THROTTLE_MAX_S))

    def settle_cancelled(self, permit: Permit) -> None:
        """The call was given up for reasons that are not the target's."""
        _close(permit)
        self.limiter.release()
        self.breaker.abandoned(permit.ticket)


def _close(permit: Permit) -> None:
    if not permit.open:
        raise RuntimeError("a permit was settled twice")
    permit.open = False

"""What requests to one target share: breaker, limiter, retry bucket, known times, and its credentials.

Rules
1. `admit` asks all of them, cheapest first, and takes either everything or nothing. It says which
   one refused, and until when.
2. A permit is settled exactly once; settling it twice raises and changes nothing.
3. Only the target's own faults move the breaker: a bad request, a refused key, a rate limit or a
   client that left do not.
4. Of several credentials the one with the fewest calls in flight is used; one that is parked,
   throttled or out of its rate limit stands in nobody's way while another is usable.
5. A request that its caller repeats is a retry, whoever makes it: it costs what a retry costs, and is
   refused when the budget is spent. So a client's retries, or those of another gateway in front, don't
   multiply with ours.
6. Answers that come late or slowly, for the target, move the limiter: a stream's by its first content, a
   whole answer's by its time among answers of about its length.
"""

from collections.abc import Container, Sequence
from typing import Final

from halfopen.model import Demand, Fault, Kind, RateLimit, Target, Usage, Verdict
from halfopen.policy.account import THROTTLE_MAX_S, Account
from halfopen.policy.answer_times import AnswerTimes
from halfopen.policy.breaker import Breaker
from halfopen.policy.bucket import RETRY_COST, RetryBucket
from halfopen.policy.credential import Credential
from halfopen.policy.first_content import FirstContentTimes
from halfopen.policy.limiter import Limiter
from halfopen.policy.never import NEVER
from halfopen.policy.options import PacerOptions, PolicyOptions
from halfopen.policy.permit import Permit
from halfopen.policy.refusal import Refusal, Refused
from halfopen.policy.silence import Silence
from halfopen.policy.slowness import Slowness
from halfopen.seams import Entropy

__all__ = [
    "OVERLOAD_KINDS",
    "REQUEST_KINDS",
    "TIMEOUT_KINDS",
    "Permit",
    "Refusal",
    "Refused",
    "TargetState",
]

_ANY_DEMAND = Demand()
_NO_LIMITS = PacerOptions()
# Looking a member up in its class takes as long as a method does.
_PARKED: Final = Refusal.PARKED
_THROTTLED: Final = Refusal.THROTTLED
_BREAKER_OPEN: Final = Refusal.BREAKER_OPEN
_SLOW_START: Final = Refusal.SLOW_START
_CROWDED: Final = Refusal.CROWDED
_NO_ROOM: Final = Refusal.NO_ROOM
_NO_BUDGET: Final = Refusal.NO_BUDGET

OVERLOAD_KINDS: Final = frozenset(
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

TIMEOUT_KINDS: Final = frozenset(
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


REQUEST_KINDS: Final = frozenset(
    {
        Kind.NOT_IMPLEMENTED,
        Kind.REQUEST_TOO_LARGE,
        Kind.RATE_LIMITED,
        Kind.CONTEXT_TOO_LONG,
        Kind.CONTENT_FILTERED,
    }
)
"""Faults that depend on the request, whatever their verdict: other requests need not suffer."""


class TargetState:
    """The shared state of one target. Not thread-safe; one event loop owns it."""

    __slots__ = (
        "_lone",
        "_quiet_until",
        "accounts",
        "answer_times",
        "breaker",
        "bucket",
        "first_content",
        "last_fault",
        "limiter",
        "name",
        "silence",
        "slowness",
        "target",
    )

    def __init__(
        self,
        target: Target,
        credentials: Credential | Sequence[Credential],
        options: PolicyOptions,
        entropy: Entropy,
        now: float,
        *,
        pacing: PacerOptions = _NO_LIMITS,
    ) -> None:
        """Starts healthy.

        Args:
            target: Whom to call.
            credentials: One or more, each shared with the other targets that use the same key.
            options: The policies'.
            entropy: Draws from 0 to 1.
            now: Monotonic seconds.
            pacing: The rate limits of each credential here, as far as they are known beforehand.
        """
        self.target = target
        self.name = target.name
        several = (credentials,) if isinstance(credentials, Credential) else credentials
        self.accounts = [Account(each, pacing) for each in several]
        self._lone = self.accounts[0] if len(self.accounts) == 1 else None
        """The only one, if there is but one."""
        self.breaker = Breaker(options.breaker, entropy)
        self.bucket = RetryBucket(options.retry, now)
        self.limiter = Limiter(options.limit)
        self.first_content = FirstContentTimes()
        self.slowness = Slowness(options.slowness)
        self.answer_times = AnswerTimes(options.slowness)
        self.silence = Silence()
        self._quiet_until = float("-inf")
        self.last_fault: Fault | None = None

    @property
    def throttled_until(self) -> float:
        """Until when its server, or the provider for every credential, has asked for a pause."""
        return max(self._quiet_until, min(account.throttled_until for account in self.accounts))

    @property
    def known_fault(self) -> Fault | None:
        """What is known to be wrong with it: its credentials' fault, if all have one, or the last."""
        refused = [account.credential.fault for account in self.accounts]
        return self.last_fault if None in refused else refused[0]

    def set_share(self, share: float, now: float) -> None:
        """Keep to another part of each credential's rate limits. Above 0, up to 1."""
        for account in self.accounts:
            account.pacer.set_share(share, now)

    def could_serve(self, now: float, demand: Demand = _ANY_DEMAND, *, own: bool = True) -> bool:
        """Whether a call has a chance: not parked, throttled, full, crowded or given up. Takes nothing.

        One that is only paced for a moment is worth waiting for, so that nobody bothers a dead target.
        """
        return (
            now >= self._quiet_until
            and self.limiter.has_room_for(now, own=own)
            and not self.limiter.is_crowded
            and self.breaker.retry_at(now, only_choice=False) <= now
            and (
                any(account.is_usable_soon(demand, now) for account in self.accounts)
                if self._lone is None
                else self._lone.is_usable_soon(demand, now)
            )
        )

    def retry_at(self, now: float) -> float:
        """When a call may be let through that has nowhere else to go."""
        usable_at = min(account.retry_at(now) for account in self.accounts)
        return max(usable_at, self._quiet_until, self.breaker.retry_at(now, only_choice=True))

    def admit(
        self,
        now: float,
        *,
        only_choice: bool,
        demand: Demand = _ANY_DEMAND,
        own: bool = True,
        but: Container[int] = (),
    ) -> Permit | Refused:
        """Take a permit for one call, or learn why there is none.

        Args:
            now: Monotonic seconds.
            only_choice: Whether the request has nowhere else to go.
            demand: What the request asks.
            own: Whether the target is the request's first choice.
            but: Numbers of the credentials that this request has tried here already.
        """
        if now < self._quiet_until:
            return Refused(_THROTTLED, self._quiet_until)
        account, number, limiter = self._lone, 0, self.limiter
        if account is None:
            usable = self._usable(demand, now, but)
            if isinstance(usable, Refused):
                return usable
            account, number = self.accounts[usable], usable
        else:
            refused = account.refusal(demand, now)
            if refused is not None:
                return refused
        if demand.repeats and not self.bucket.has(RETRY_COST, now, demand.tokens):
            return Refused(_NO_BUDGET, NEVER)
        if not limiter.has_room_for(now, own=own) and not (only_choice and self._make_room(now, own=own)):
            return Refused(_NO_ROOM, self.silence.ready_at())
        if not only_choice and limiter.is_crowded:
            return Refused(_CROWDED, NEVER)
        ticket = self.breaker.admit(now, only_choice=only_choice)
        if ticket is None:
            retry_at = self.breaker.retry_at(now, only_choice=only_choice)
            reason = _BREAKER_OPEN if retry_at > now else _SLOW_START
            return Refused(reason, retry_at)
        credential = account.credential
        if credential.fault is not None and not credential.admit(now):
            self.breaker.abandoned(ticket)
            return Refused(_PARKED, credential.parked_until)
        limiter.take(now, own=own)
        tokens = demand.input_tokens + demand.output_tokens
        if demand.repeats:
            self.bucket.take(RETRY_COST, now, tokens)
        account.in_flight += 1
        permit = Permit(ticket, credential.refusals, number, own, tokens, now)
        if account.pacer.knows_limits:
            permit.reservation = account.pacer.reserve(demand, now)
        self.silence.begin(permit)
        return permit

    def learn(self, permit: Permit, limits: tuple[RateLimit, ...], now: float) -> None:
        """An answer's headers told of rate limits."""
        self.accounts[permit.credential].pacer.learn(limits, now)

    def answering(self, permit: Permit, now: float, waited_s: float) -> None:
        """A stream's first content came after `waited_s`: evidence of health, long before it ends."""
        permit.answered = True
        if permit.lost:
            permit.lost = False
            self.limiter.find(own=permit.own)
        self.silence.heard(permit, now)
        self.first_content.record(waited_s)
        slow = self.slowness.record(waited_s, now)
        self.breaker.answering(permit.ticket, now, slow=slow)
        if slow and self.slowness.is_slowing(now):
            self.limiter.overloaded(now, sent=now - waited_s, slow=True)
        else:
            self.limiter.answering(now, late=self.slowness.is_late(waited_s), sent=permit.sent)
        credential = self.accounts[permit.credential].credential
        if credential.fault is not None:
            credential.accepted(permit.refusals)

    def waited_in_vain(self, waited_s: float, now: float) -> None:
        """A stream's first content had not come after `waited_s`: it would have taken longer."""
        self.first_content.record(waited_s)
        self.slowness.record(waited_s, now)

    def settle_success(self, permit: Permit, now: float, usage: Usage | None = None) -> None:
        """The call got a whole answer."""
        credential = self._close(permit, now, usage).credential
        self.breaker.succeeded(permit.ticket, now)
        self.bucket.succeeded(permit.tokens)
        if not permit.answered:
            self.silence.heard(permit, now)
            self._answered_at_once(permit, now, usage)
        self.limiter.release(now, own=permit.own)
        if credential.fault is not None:
            credential.accepted(permit.refusals)
        self.last_fault = None

    def settle_fault(self, permit: Permit, fault: Fault, now: float, usage: Usage | None = None) -> None:
        """The call failed."""
        account = self._close(permit, now, usage)
        if not permit.answered:
            if fault.kind in TIMEOUT_KINDS:
                self.silence.over(permit)
            else:
                self.silence.heard(permit, now)
        self.limiter.release(now, own=permit.own)
        if fault.kind in OVERLOAD_KINDS:
            self.limiter.overloaded(now, sent=permit.sent)
        verdict = fault.verdict
        if verdict in (Verdict.RETRY, Verdict.FAILOVER) and fault.kind not in REQUEST_KINDS:
            self.breaker.failed(permit.ticket, now)
        else:
            self.breaker.abandoned(permit.ticket)
        if verdict is Verdict.FIX_REQUEST:
            return
        self.last_fault = fault
        if verdict in (Verdict.KEY, Verdict.QUOTA):
            account.credential.refused(fault, now)
        elif verdict is Verdict.THROTTLE:
            account.throttle(fault, now)
        elif fault.delay_s is not None:  # a 503 with Retry-After: whoever asks
            self._quiet_until = max(self._quiet_until, now + min(fault.delay_s, THROTTLE_MAX_S))

    def settle_cancelled(self, permit: Permit, now: float) -> None:
        """The call was given up for reasons that are not the target's."""
        self._close(permit, now, None)
        if not permit.answered:
            self.silence.over(permit)
        self.limiter.release(now, own=permit.own)
        self.breaker.abandoned(permit.ticket)

    def _make_room(self, now: float, *, own: bool) -> bool:
        """Give up calls for lost, so that there is room for one. Whether there is."""
        if self.breaker.retry_at(now, only_choice=True) > now:
            return False
        for lost in self.silence.take(self.limiter.missing(), now):
            lost.lost = True
            self.limiter.lose(own=lost.own)
        return self.limiter.has_room_for(now, own=own)

    def _answered_at_once(self, permit: Permit, now: float, usage: Usage | None) -> None:
        """A whole answer came, and nothing of it before: its time is judged by its length."""
        sent, tokens = permit.sent, 0 if usage is None else usage.output_tokens
        times = self.answer_times.of(tokens)
        if times is None:
            self.limiter.answering(now, sent=sent)
            return
        took_s = self.answer_times.in_proportion(now - sent, tokens)
        if times.record(took_s, now) and times.is_slowing(now):
            self.limiter.overloaded(now, sent=sent, slow=True)
        else:
            self.limiter.answering(now, late=times.is_late(took_s), sent=sent)

    def _usable(self, demand: Demand, now: float, but: Container[int]) -> int | Refused:
        """The number of the credential to use, or the refusal that ends first."""
        best: int | None = None
        soonest = Refused(_PARKED, NEVER)
        for number, account in enumerate(self.accounts):
            if number in but:
                continue
            refused = account.refusal(demand, now)
            if refused is not None:
                soonest = min(soonest, refused, key=_until)
            elif best is None or account.in_flight < self.accounts[best].in_flight:
                best = number
        return soonest if best is None else best

    def _close(self, permit: Permit, now: float, usage: Usage | None) -> Account:
        if not permit.open:
            raise RuntimeError("a permit was settled twice")
        permit.open = False
        if permit.lost:
            self.limiter.find(own=permit.own)
        account = self.accounts[permit.credential]
        account.in_flight -= 1
        if permit.reservation is not None:
            account.pacer.settle(permit.reservation, usage, now)
        return account


def _until(refused: Refused) -> float:
    return refused.until

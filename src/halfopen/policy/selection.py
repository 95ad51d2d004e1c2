"""Which target a request goes to next, and what is known when there is none.

Rules
1. Targets are tried in order of preference; one that can't do the request, or that takes no call
   now, is passed over, and each reason is kept once.
2. One whose breaker is not closed, or whose answers come late, is for those who have nowhere else to go.
3. A tried target is called again only for a fault that may pass, within the fault's own bound and
   the target's retry budget. The budget is charged when the retry is planned.
4. A prompt that overflows the context of the target that was asked for goes on to targets whose
   context is known to be larger, and to no others; see `overflow`.
5. A fault of a credential (refused, out of quota, throttled) is not the target's: it is called again
   with another of its credentials, if there is one.
6. A target whose first opening has not been probed yet is worth waiting for; one whose probe has
   failed is not: its outage is confirmed. A parked credential is never waited for.
7. A request that its caller repeats is not repeated by us at the same target: retries don't multiply.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Final

from halfopen import errors
from halfopen.model import Demand, Fault, Kind, Skip, Target, Verdict
from halfopen.policy.backoff import retry_delay
from halfopen.policy.bucket import RETRY_COST, TIMEOUT_COST
from halfopen.policy.informative import most_informative
from halfopen.policy.never import NEVER
from halfopen.policy.options import RetryOptions
from halfopen.policy.overflow import Overflow
from halfopen.policy.target import TIMEOUT_KINDS, Permit, Refusal, Refused, TargetState
from halfopen.seams import Entropy

_ANY_DEMAND = Demand()
# Looking a member up in its class, or in a set, takes as long as several methods do: with a breaker open,
# every request comes by here.
_PARKED: Final = Refusal.PARKED
_THROTTLED: Final = Refusal.THROTTLED
_PACED: Final = Refusal.PACED
_BREAKER_OPEN: Final = Refusal.BREAKER_OPEN
_SLOW_START: Final = Refusal.SLOW_START
_CROWDED: Final = Refusal.CROWDED
_NO_ROOM: Final = Refusal.NO_ROOM
_OUTAGE_CONFIRMED: Final = Refused(_BREAKER_OPEN, NEVER)
_CREDENTIALS_OWN: Final = frozenset({Verdict.KEY, Verdict.QUOTA, Verdict.THROTTLE})
_LOOK_AGAIN_S: Final = 1.0
_SPREAD_S: Final = 1.0
"""Requests that waited for the end of a throttle go out over this long."""


class Selection:
    """The targets of one request: which were tried, what they said, which are left."""

    __slots__ = (
        "_demand",
        "_entropy",
        "_excluded",
        "_faults",
        "_fit",
        "_keys_tried",
        "_overflow",
        "_refused",
        "_retried",
        "_retry_options",
        "_tried",
        "_unfit",
        "skips",
        "states",
    )

    def __init__(
        self,
        states: Sequence[TargetState],
        retry: RetryOptions,
        entropy: Entropy,
        unfit: Callable[[Target], str | None],
        demand: Demand = _ANY_DEMAND,
    ) -> None:
        """`unfit` says why a target can't do the request, or None."""
        self.states = states
        """All targets in order of preference."""
        self._demand = demand
        self._retry_options = retry
        self._entropy = entropy
        self._unfit = unfit
        # Most requests need none of these: so numbers with a bit for each target, and tuples.
        self._tried = 0
        self._excluded = 0
        self._fit = 0
        self._refused = 0
        """Targets whose last fault was a credential's: another one may do."""
        self._faults: tuple[tuple[int, Fault], ...] = ()
        """Each with its target."""
        self._retried: tuple[int, ...] = ()
        """Targets that were called again, as often as they were."""
        self._keys_tried: tuple[tuple[int, int], ...] = ()
        """Each with its target, of targets with several credentials."""
        self._overflow: Overflow | None = None
        self.skips: tuple[Skip, ...] = ()
        """Targets that were passed over, each reason once."""

    def close(self) -> None:
        """The request is over: nothing is asked any more. Who was asked may hold the journey itself."""
        self._unfit = _over

    def state(self, index: int) -> TargetState:
        """The shared state of a target."""
        return self.states[index]

    def repeats(self, index: int) -> int:
        """How often this target has been sent the request before, by us and by the caller."""
        repeats = self._demand.repeats
        for asked, _ in self._faults:
            if asked == index:
                repeats += 1
        return repeats

    def failed(self, index: int, fault: Fault, credential: int = 0) -> None:
        """A call to a target failed."""
        self._faults = (*self._faults, (index, fault))
        if len(self.states[index].accounts) > 1:
            self._keys_tried = (*self._keys_tried, (index, credential))
            if fault.verdict in _CREDENTIALS_OWN:
                self._refused |= 1 << index
            else:
                self._refused &= ~(1 << index)
        if fault.kind is Kind.CONTEXT_TOO_LONG:
            target, earlier = self.states[index].target, self._overflow
            asked_for = self._is_asked_for(index)
            self._overflow = (
                Overflow.of(index, target, asked_for=asked_for) if earlier is None else earlier.also(target)
            )

    def look_anew(self) -> None:
        """What is asked of the targets has changed: an answer is to be gone on with."""
        self._fit = 0

    def take_untried(self, now: float, refusals: list[Refused]) -> tuple[int, Permit] | None:
        """A permit for the first untried target that takes a call. Adds the others' refusals."""
        crowded = recovering = None
        for index in range(len(self.states)):
            if (self._tried and self._is_tried(index)) or not self._fits(index):
                continue
            permit = self._admit(index, now, only_choice=False)
            if isinstance(permit, Permit):
                self._tried |= 1 << index
                return index, permit
            # Whether there is another choice is only asked when it matters: it costs a translation.
            if crowded is None and self._stays(permit, index, now):
                permit = self._admit(index, now, only_choice=True)
                if isinstance(permit, Permit):
                    self._tried |= 1 << index
                    return index, permit
            reason = permit.reason
            refused_key = self._refused >> index & 1
            if refused_key and reason is _PARKED and permit.until == NEVER:
                continue  # every credential of it was tried
            if crowded is None and reason is _CROWDED:
                crowded = index
            if recovering is None and reason is _SLOW_START:
                recovering = index
            self._skip(index, reason._value_)
            refusals.append(self._worth_waiting(index, permit, now))
        for left in (crowded, recovering):
            if left is None:
                continue
            # Each left it to another, and none took it.
            permit = self._admit(left, now, only_choice=True)
            if isinstance(permit, Permit):
                self._tried |= 1 << left
                return left, permit
        return None

    def take_again(self, index: int, now: float, refusals: list[Refused]) -> tuple[int, Permit] | None:
        """A permit for a planned retry. Adds the refusal, if that is the answer."""
        state = self.states[index]
        permit = state.admit(now, only_choice=True, demand=self._demand, own=self._is_own(index))
        if isinstance(permit, Permit):
            self._retried = (*self._retried, index)
            return index, permit
        refusals.append(self._worth_waiting(index, permit, now))
        return None

    def give_back(self, index: int, permit: Permit, now: float) -> None:
        """The permit is not used after all."""
        self.states[index].settle_cancelled(permit, now)
        self._tried &= ~(1 << index)

    def others_could_serve(self, now: float, *, but: int = -1, within_s: float | None = None) -> bool:
        """Whether an untried target, other than `but`, has a chance.

        `within_s`: one whose first content usually takes longer does not count.
        """
        for index, state in enumerate(self.states):
            if (
                index != but
                and not self._is_tried(index)
                and (within_s is None or (state.slowness.usual_s or 0.0) <= within_s)
                and state.could_serve(now, self._demand, own=self._is_own(index))
                and self._fits(index)
            ):
                return True
        return False

    def is_final(self, index: int, fault: Fault) -> bool:
        """Whether a fault ends the request: the target that was asked for says that the request is wrong.

        From a stand-in the same words may only mean that it is less able; another may do. And what
        overflows one context may fit into a larger one.
        """
        if fault.verdict is not Verdict.FIX_REQUEST or not self._is_asked_for(index):
            return False
        if fault.kind is Kind.CONTEXT_TOO_LONG:
            # All are looked at, so that each that is passed over says why.
            untried = [other for other in range(len(self.states)) if not self._tried >> other & 1]
            return not [other for other in untried if self._fits(other)]
        return True

    def plan_retry(self, now: float, deadline: float) -> tuple[int, float] | None:
        """The tried target to call again, and when; its budget is charged. None: no retry is allowed."""
        if self._demand.repeats:
            return None
        plans: list[tuple[float, int, float]] = []
        for index, fault in sorted(dict(self._faults).items()):
            retries = self._retried.count(index)
            if fault.verdict not in (Verdict.RETRY, Verdict.THROTTLE):
                continue
            if fault.retries_max is not None and retries >= fault.retries_max:
                continue
            state = self.states[index]
            reopens_at = state.breaker.retry_at(now, only_choice=True)
            if reopens_at > now and state.breaker.is_outage_confirmed:
                continue
            delay_s = retry_delay(self._retry_options, retries, fault.delay_s, self._entropy)
            at = max(now + delay_s, state.throttled_until, reopens_at)
            if at < deadline:
                plans.append((at, index, TIMEOUT_COST if fault.kind in TIMEOUT_KINDS else RETRY_COST))
        for at, index, cost in sorted(plans):
            if self.states[index].bucket.take(cost, now, self._demand.tokens):
                return index, at
        return None

    def is_plan_vain(self, index: int, now: float) -> bool:
        """Whether the outage of a target was confirmed since its retry was planned."""
        breaker = self.states[index].breaker
        return breaker.is_outage_confirmed and breaker.retry_at(now, only_choice=True) > now

    def final_fault(self, now: float, *, otherwise: Fault, committed: bool = False) -> Fault:
        """What to tell the client when no target is left, or no time; `otherwise` when nothing is known.

        A target that was passed over counts with its last fault: a refused key tells more than the
        other target's timeout, although nobody was asked with that key this time. But a stream that
        broke after the client had got a part of it broke for a reason of its own: `committed`.
        """
        if self._is_poison(now):
            said = " / ".join(fault.message for _, fault in self._faults)
            return errors.make(
                Kind.POISON_REQUEST, f"Two providers failed on this request while others succeed: {said}"
            )
        asked = dict(self._faults)
        if any(fault.verdict is not Verdict.FIX_REQUEST for fault in asked.values()):
            # A stand-in's complaint about the request does not explain why the others failed.
            own = self._overflow.index if self._overflow is not None and self._overflow.asked_for else None
            asked = {
                i: fault for i, fault in asked.items() if fault.verdict is not Verdict.FIX_REQUEST or i == own
            }
        passed_over = {
            index: known
            for index, state in enumerate(self.states)
            if not committed
            and (known := state.known_fault) is not None
            and not (self._tried | self._excluded) >> index & 1
        }
        faults = sorted({**passed_over, **asked}.items(), key=itemgetter(0))
        best = most_informative(fault for _, fault in faults)
        if best is not None:
            return best if self._faults else self._unasked(best, now)
        if self._excluded.bit_count() == len(self.states):
            reasons = "; ".join(f"{skip.target}: {skip.reason}" for skip in self.skips)
            return errors.make(Kind.NO_FIT_TARGET, f"No target of this route can do the request. {reasons}")
        return otherwise

    def _unasked(self, fault: Fault, now: float) -> Fault:
        """The fault to show when no target was asked: why none was, and when one will be."""
        reasons = "; ".join(f"{skip.target}: {skip.reason}" for skip in self.skips)
        fit = [state for index, state in enumerate(self.states) if not self._excluded >> index & 1]
        return replace(
            fault,
            message=f"No target was asked ({reasons}). The last failure: {fault.message}",
            evidence=(f"no call was made: {reasons}", *fault.evidence),
            delay_s=max(0.0, min([state.retry_at(now) for state in fit]) - now),
        )

    def _admit(self, index: int, now: float, *, only_choice: bool) -> Permit | Refused:
        """Ask a target for a permit, after a credential's fault with a credential that was not tried."""
        but: Sequence[int] = ()
        if self._refused >> index & 1:
            but = [key for asked, key in self._keys_tried if asked == index]
        own = index == 0 or self._is_own(index)
        return self.states[index].admit(now, only_choice=only_choice, demand=self._demand, own=own, but=but)

    def _stays(self, refused: Refused, index: int, now: float) -> bool:
        """Whether a target that refuses those who have another choice is to be asked as the only one.

        A crowded one is left only for one where the answer comes sooner.
        """
        reason, within_s = refused.reason, None
        if reason is _CROWDED:
            within_s = self.states[index].slowness.present_s
        elif (
            reason is not _BREAKER_OPEN
            and reason is not _SLOW_START
            and (reason is not _NO_ROOM or refused.until > now)
        ):
            return False
        return not self.others_could_serve(now, but=index, within_s=within_s)

    def _is_tried(self, index: int) -> bool:
        """Whether the request has been there, and may not go there with another credential."""
        return bool((self._tried & ~self._refused) >> index & 1)

    def _is_own(self, index: int) -> bool:
        """Whether the target is the request's first choice; elsewhere it is a failover."""
        earlier = (1 << index) - 1
        return self._excluded & earlier == earlier

    def _fits(self, index: int) -> bool:
        bit = 1 << index
        if self._excluded & bit:
            return False
        target = self.states[index].target
        too_small = None if self._overflow is None else self._overflow.reason_against(target)
        if too_small is not None:
            # Not excluded: what is known of it still counts when there is no answer.
            self._skip(index, too_small)
            return False
        if self._fit & bit:
            return True
        reason = self._unfit(target)
        if reason is None:
            self._fit |= bit
            return True
        self._excluded |= bit
        self._skip(index, reason)
        return False

    def _is_asked_for(self, index: int) -> bool:
        """Whether the one call so far went to the first target that can do the request."""
        return len(self._faults) == 1 and self._is_own(index)

    def _worth_waiting(self, index: int, refused: Refused, now: float) -> Refused:
        reason = refused.reason
        if reason is _BREAKER_OPEN:
            return _OUTAGE_CONFIRMED if self.states[index].breaker.is_outage_confirmed else refused
        if reason is _PARKED:
            return Refused(reason, NEVER)
        if reason is _NO_ROOM:  # the line wakes sooner; this is for a wake that went amiss
            return Refused(reason, now + _LOOK_AGAIN_S)
        if reason is _THROTTLED or reason is _PACED:  # not everybody who waits comes back at once
            return Refused(reason, refused.until + _SPREAD_S * self._entropy(), refused.at_best)
        return refused

    def _is_poison(self, now: float) -> bool:
        """Two providers' servers broke on this request, and both serve nearly everything else."""
        broken = {index for index, fault in self._faults if fault.kind is Kind.SERVER_ERROR}
        providers = {self.states[index].target.provider for index in broken}
        return len(providers) > 1 and all(self.states[index].breaker.is_serving(now) for index in broken)

    def _skip(self, index: int, reason: str) -> None:
        skip = Skip(self.states[index].name, reason)
        if skip not in self.skips:
            self.skips = (*self.skips, skip)


def _over(_target: Target) -> str | None:
    return "the request is over"


def has_queue(refusals: Sequence[Refused], deadline: float) -> bool:
    """Whether a freed permit, a probe's success or a larger part of a limit could end the wait in time."""
    return any(
        refused.reason is _NO_ROOM
        or (refused.reason in (_BREAKER_OPEN, _PACED) and min(refused.until, refused.at_best) < deadline)
        for refused in refusals
    )

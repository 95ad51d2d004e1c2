"""The circuit breaker of one target.

Rules
1. CLOSED lets calls through and counts them; 5 failures in a row, or half of at least 20 results in
   10 s, open it.
2. OPEN lets nothing through. The n-th opening in a row lasts min(open_max, open·2ⁿ⁻¹), of which
   up to a fifth is taken off at random, so that many gateways don't probe at once.
3. Then it is HALF_OPEN: one call at a time is a probe. The probe holds a lease; when the lease
   expires another probe may go, and the outage counts as confirmed: the probe should have answered.
   A cancelled probe gives its lease back and decides nothing.
4. A successful probe closes it and starts the slow start: the share of calls let through rises from
   a tenth to all over `slow_start_s`. A failed probe opens it again, for longer.
5. A result counts only in the period that let its call through: a call from before the opening
   neither closes a half-open breaker nor opens a closed one. Each probe of a period may decide,
   also one that answers after its lease: slow is not dead.
6. A caller without another choice is let through even when it is open, until `min_samples` calls
   in a row have failed: a target that answers every second call is better than none.

Sources: M. Nygard, Release It!, 2007; Envoy outlier detection and slow start; resilience4j.
"""

from dataclasses import dataclass
from enum import Enum

from halfopen.policy.options import BreakerOptions
from halfopen.seams import Entropy

_SLOTS = 10
_JITTER = 0.2
_SLOW_START_FLOOR = 0.1
_DOUBLINGS_MAX = 16
_SERVING_FAILURES = 0.1
"""A target that fails more than this share of its calls is not said to serve."""


class BreakerState(Enum):
    """What the breaker does with a call."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A breaker's leave for one call. Hand it back with the result, once."""

    period: int
    probe: bool
    lease: int = 0


class _Window:
    """Counts results over the last `window_s` in ten slots."""

    __slots__ = ("_failures", "_slot", "_slot_s", "_totals")

    def __init__(self, window_s: float) -> None:
        self._slot_s = window_s / _SLOTS
        self._totals = [0] * _SLOTS
        self._failures = [0] * _SLOTS
        self._slot = 0

    def add(self, now: float, *, failed: bool) -> None:
        self._advance(now)
        index = self._slot % _SLOTS
        self._totals[index] += 1
        self._failures[index] += failed

    def counts(self, now: float) -> tuple[int, int]:
        """(results, failures)."""
        self._advance(now)
        return sum(self._totals), sum(self._failures)

    def clear(self) -> None:
        self._totals = [0] * _SLOTS
        self._failures = [0] * _SLOTS

    def _advance(self, now: float) -> None:
        slot = int(now / self._slot_s)
        for passed in range(self._slot + 1, min(slot, self._slot + _SLOTS) + 1):
            self._totals[passed % _SLOTS] = 0
            self._failures[passed % _SLOTS] = 0
        self._slot = max(slot, self._slot)


class Breaker:
    """Decides whether a target may be called. Not thread-safe; one event loop owns it."""

    __slots__ = (
        "_closed_since",
        "_consecutive",
        "_entropy",
        "_lease",
        "_lease_until",
        "_open_until",
        "_openings",
        "_options",
        "_period",
        "_ramping",
        "_run",
        "_state",
        "_window",
    )

    def __init__(self, options: BreakerOptions, entropy: Entropy) -> None:
        """Starts closed, without a slow start."""
        self._options = options
        self._entropy = entropy
        self._state = BreakerState.CLOSED
        self._window = _Window(options.window_s)
        self._consecutive = 0
        self._openings = 0
        self._run = 0
        self._period = 0
        self._lease = 0
        self._open_until = float("-inf")
        self._lease_until = float("-inf")
        self._closed_since = float("-inf")
        self._ramping = False

    def state(self, now: float) -> BreakerState:
        """The state at `now`."""
        if self._state is BreakerState.OPEN and now >= self._open_until:
            self._state = BreakerState.HALF_OPEN
            self._lease_until = float("-inf")
        return self._state

    @property
    def is_outage_confirmed(self) -> bool:
        """Whether it is open, and a probe has failed or gone unanswered: not worth waiting for."""
        return self._openings > 1

    def retry_at(self, now: float, *, only_choice: bool) -> float:
        """When a call may be let through; `now` if it may now (slow start left aside)."""
        state = self.state(now)
        if state is BreakerState.CLOSED or (only_choice and not self._is_dead):
            return now
        return self._open_until if state is BreakerState.OPEN else max(now, self._lease_until)

    def is_serving(self, now: float) -> bool:
        """Whether it is closed and nearly all of a fair number of calls in the window succeeded."""
        results, failures = self._window.counts(now)
        enough = self._state is BreakerState.CLOSED and results >= self._options.min_samples
        return enough and failures <= _SERVING_FAILURES * results

    def admit(self, now: float, *, only_choice: bool) -> Ticket | None:
        """Let a call through, or None. `only_choice`: the caller has nowhere else to go."""
        state = self.state(now)
        if state is BreakerState.CLOSED:
            if self._ramping and not only_choice and self._entropy() >= self._share(now):
                return None
            return Ticket(self._period, probe=False)
        if only_choice and not self._is_dead:
            return Ticket(self._period, probe=True)
        if state is BreakerState.OPEN or now < self._lease_until:
            return None
        if self._lease_until > float("-inf"):
            self._openings += 1  # the last probe went unanswered
        self._lease += 1
        self._lease_until = now + self._options.lease_s
        return Ticket(self._period, probe=True, lease=self._lease)

    def answering(self, ticket: Ticket, now: float) -> None:
        """A stream's first content came: the target is alive. Whether the stream was good its end tells."""
        self._run = 0
        if ticket.period != self._period:
            return
        self._consecutive = 0
        if self._state is not BreakerState.CLOSED:
            self._close(now)

    def succeeded(self, ticket: Ticket, now: float) -> None:
        """The call got a whole answer."""
        self._run = 0
        if ticket.period != self._period:
            return
        if self._state is not BreakerState.CLOSED:
            self._close(now)
            return
        self._consecutive = 0
        self._window.add(now, failed=False)
        if not self._ramping or self._share(now) >= 1.0:
            self._ramping = False
            self._openings = 0

    def failed(self, ticket: Ticket, now: float) -> None:
        """The call failed by the target's fault."""
        self._run += 1
        if ticket.period != self._period:
            return
        if self._state is BreakerState.CLOSED:
            self._consecutive += 1
            self._window.add(now, failed=True)
            results, failures = self._window.counts(now)
            enough = results >= self._options.min_samples
            if self._consecutive >= self._options.consecutive or (
                enough and failures >= self._options.failure_ratio * results
            ):
                self._open(now)
        elif ticket.lease:
            self._open(now)

    def abandoned(self, ticket: Ticket) -> None:
        """The call says nothing about the target: cancelled, or the request's own fault."""
        if ticket.lease and ticket.period == self._period and ticket.lease == self._lease:
            self._lease_until = float("-inf")

    @property
    def _is_dead(self) -> bool:
        return self._run >= self._options.min_samples

    def _share(self, now: float) -> float:
        if self._options.slow_start_s <= 0:
            return 1.0
        return max(_SLOW_START_FLOOR, (now - self._closed_since) / self._options.slow_start_s)

    def _open(self, now: float) -> None:
        self._openings += 1
        self._period += 1
        self._state = BreakerState.OPEN
        length_s = self._options.open_s * 2.0 ** min(self._openings - 1, _DOUBLINGS_MAX)
        length_s = min(self._options.open_max_s, length_s) * (1.0 - _JITTER * self._entropy())
        self._open_until = now + length_s
        self._consecutive = 0
        self._window.clear()

    def _close(self, now: float) -> None:
        self._period += 1
        self._state = BreakerState.CLOSED
        self._closed_since = now
        self._ramping = True
        self._consecutive = 0
        self._window.clear()

"""The circuit breaker of one target.

Rules
1. CLOSED lets calls through and counts them; 5 failures in a row, or half of at least 20 results in
   10 s, open it.
2. OPEN lets nothing through. The n-th opening in a row lasts min(open_max, open·2ⁿ⁻¹), of which
   up to a fifth is taken off at random, so that many gateways don't probe at once.
3. Then it is HALF_OPEN: one call at a time is a probe. The probe holds a lease; when the lease
   expires another probe may go. A cancelled probe gives its lease back and decides nothing.
4. A successful probe closes it and starts the slow start: the share of calls let through rises from
   a tenth to all over `slow_start_s`. A failed probe opens it again, for longer.
5. A result counts only in the state that let its call through: a call from before the opening
   neither closes a half-open breaker nor opens a closed one.

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


class BreakerState(Enum):
    """What the breaker does with a call."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A breaker's leave for one call. Hand it back with the result, once."""

    generation: int
    probe: bool


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
        "_generation",
        "_lease_until",
        "_open_until",
        "_openings",
        "_options",
        "_ramping",
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
        self._generation = 0
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
    def openings(self) -> int:
        """Openings in a row: 0 while closed and proved, 1 for a first opening, more when probes failed."""
        return self._openings

    def retry_at(self, now: float) -> float:
        """When a call may be let through, if none is let through now."""
        state = self.state(now)
        if state is BreakerState.OPEN:
            return self._open_until
        return max(now, self._lease_until) if state is BreakerState.HALF_OPEN else now

    def recent_success(self, now: float) -> bool:
        """Whether some call succeeded within the window."""
        results, failures = self._window.counts(now)
        return results > failures

    def admit(self, now: float, *, only_choice: bool) -> Ticket | None:
        """Let a call through, or None. Slow start turns no call away that has no other choice."""
        state = self.state(now)
        if state is BreakerState.CLOSED:
            if self._ramping and not only_choice and self._entropy() >= self._share(now):
                return None
            return Ticket(self._generation, probe=False)
        if state is BreakerState.OPEN or now < self._lease_until:
            return None
        self._generation += 1
        self._lease_until = now + self._options.lease_s
        return Ticket(self._generation, probe=True)

    def succeeded(self, ticket: Ticket, now: float) -> None:
        """The call got a whole answer, or (for a stream) its first content."""
        if ticket.generation != self._generation:
            return
        if ticket.probe and self._state is BreakerState.HALF_OPEN:
            self._close(now)
        elif self._state is BreakerState.CLOSED:
            self._consecutive = 0
            self._window.add(now, failed=False)
            if not self._ramping or self._share(now) >= 1.0:
                self._ramping = False
                self._openings = 0

    def failed(self, ticket: Ticket, now: float) -> None:
        """The call failed by the target's fault."""
        if ticket.generation != self._generation:
            return
        if ticket.probe and self._state is BreakerState.HALF_OPEN:
            self._open(now)
        elif self._state is BreakerState.CLOSED:
            self._consecutive += 1
            self._window.add(now, failed=True)
            results, failures = self._window.counts(now)
            enough = results >= self._options.min_samples
            if self._consecutive >= self._options.consecutive or (
                enough and failures >= self._options.failure_ratio * results
            ):
                self._open(now)

    def abandoned(self, ticket: Ticket) -> None:
        """The call says nothing about the target: cancelled, or the request's own fault."""
        if ticket.probe and ticket.generation == self._generation:
            self._lease_until = float("-inf")

    def _share(self, now: float) -> float:
        if self._options.slow_start_s <= 0:
            return 1.0
        return max(_SLOW_START_FLOOR, (now - self._closed_since) / self._options.slow_start_s)

    def _open(self, now: float) -> None:
        self._openings += 1
        self._generation += 1
        self._state = BreakerState.OPEN
        length_s = self._options.open_s * 2.0 ** min(self._openings - 1, _DOUBLINGS_MAX)
        length_s = min(self._options.open_max_s, length_s) * (1.0 - _JITTER * self._entropy())
        self._open_until = now + length_s
        self._consecutive = 0
        self._window.clear()

    def _close(self, now: float) -> None:
        self._generation += 1
        self._state = BreakerState.CLOSED
        self._closed_since = now
        self._ramping = True
        self._consecutive = 0
        self._window.clear()

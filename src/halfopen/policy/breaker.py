"""The circuit breaker of one target.

Rules
1. CLOSED lets calls through and counts them. It opens on 5 failures in a row, on failures in half of at
   least 20 results in 10 s, and on slowness in half of at least 20 first contents in 10 s. A slow first
   content is no failure: how its call ends is counted apart.
2. OPEN lets nothing through. The n-th opening in a row lasts min(open_max, open·2ⁿ⁻¹), of which
   up to a fifth is taken off at random, so that many gateways don't probe at once.
3. Then it is HALF_OPEN: one call at a time is a probe. The probe holds a lease; when the lease
   expires another probe may go, and the outage counts as confirmed: the probe should have answered.
   A cancelled probe gives its lease back and decides nothing.
4. A successful probe closes it and starts the slow start: the share of calls let through rises from
   a tenth to all over `slow_start_s`. A failed probe opens it again, for longer; so does one that
   answers slowly. What is slow is measured against the target's usual time, which follows a lasting
   change (see `slowness`): in the end a probe that is as slow as ever closes it.
5. A result counts only in the period that let its call through: a call from before the opening
   neither closes a half-open breaker nor opens a closed one. Each probe of a period may close it, also
   one that answers after its lease: slow is not dead. But when another probe has gone since, the failure
   of an earlier one is old news and decides nothing: its silence was counted when its lease expired.
6. A caller without another choice is let through even when it is open, until `min_samples` calls
   in a row have failed: a target that answers every second call is better than none, and so is a slow
   one. A good answer to such a caller closes it, a slow one does not.
7. Then the target is dead, and a caller without another choice is a probe, too; but for it an opening
   and a lease last `lone_probe_s` only: an outage of the last target costs a call a second, and its
   end is seen in a second. Each lease that expires doubles that, up to what others wait, until the
   target shows life: one that hangs holds every probe for long, and would soon hold all that its
   limit allows.
8. While another process has given the target up, one failure here opens it. It never opens by that alone:
   what is broken may be the other process's way to the target.

Sources: M. Nygard, Release It!, 2007; Envoy outlier detection and slow start; resilience4j (failure rate
and slow call rate).
"""

from enum import Enum
from typing import Final

from halfopen.policy.options import BreakerOptions
from halfopen.policy.window import Window
from halfopen.seams import Entropy

_JITTER: Final = 0.2
_SLOW_START_FLOOR: Final = 0.1
_DOUBLINGS_MAX: Final = 16
_STRESSED_FAILURES: Final = 3
"""So many failures in a row are a bad sign, although the breaker is closed."""
_SERVING_FAILURES: Final = 0.1
"""A target that fails more than this share of its calls is not said to serve."""


class BreakerState(Enum):
    """What the breaker does with a call."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


# Looking a member up in its class costs as much as all else of `admit`.
_CLOSED: Final = BreakerState.CLOSED
_OPEN: Final = BreakerState.OPEN
_HALF_OPEN: Final = BreakerState.HALF_OPEN
_NEVER: Final = float("-inf")


class Ticket:
    """A breaker's leave for one call. Hand it back with the result, once.

    All calls that a closed breaker lets through in one period have the same.
    """

    __slots__ = ("lease", "period", "probe", "slow")

    def __init__(self, period: int, *, probe: bool, lease: int = 0) -> None:
        """`lease`: its number, if it is a probe's."""
        self.period = period
        self.probe = probe
        self.lease = lease
        self.slow = False
        """The breaker's: whether a probe's first content came, slowly."""


class Breaker:
    """Decides whether a target may be called. Not thread-safe; one event loop owns it."""

    __slots__ = (
        "_closed_since",
        "_consecutive",
        "_entropy",
        "_first_contents",
        "_lease",
        "_lease_until",
        "_leave",
        "_lone_lease_until",
        "_lone_open_until",
        "_open_until",
        "_openings",
        "_options",
        "_period",
        "_ramping",
        "_run",
        "_state",
        "_unanswered",
        "_warned_until",
        "_window",
    )

    def __init__(self, options: BreakerOptions, entropy: Entropy) -> None:
        """Starts closed, without a slow start."""
        self._options = options
        self._entropy = entropy
        self._state = _CLOSED
        self._window = Window(options.window_s)
        self._first_contents = Window(options.window_s)
        self._consecutive = 0
        self._openings = 0
        self._run = 0
        self._period = 0
        self._lease = 0
        self._lease_until = _NEVER
        self._lone_lease_until = _NEVER
        self._unanswered = 0
        self._open_until = _NEVER
        self._lone_open_until = _NEVER
        self._warned_until = _NEVER
        self._closed_since = _NEVER
        self._ramping = False
        self._leave = Ticket(0, probe=False)
        """For every call of a period in which it is closed."""

    def state(self, now: float) -> BreakerState:
        """The state at `now`."""
        if self._state is _OPEN and now >= self._open_until:
            self._state = _HALF_OPEN
        return self._state

    @property
    def is_outage_confirmed(self) -> bool:
        """Whether it is open, and a probe has failed or gone unanswered: not worth waiting for."""
        return self._openings > 1

    def is_stressed(self, now: float) -> bool:
        """Whether nobody should add load: not closed, in its slow start, or failing call after call."""
        return (
            self._state is not _CLOSED
            or self._run >= _STRESSED_FAILURES
            or (self._ramping and self._share(now) < 1.0)
        )

    def is_serving(self, now: float) -> bool:
        """Whether it is closed and nearly all of a fair number of calls in the window succeeded."""
        results, failures = self._window.counts(now)
        enough = self._state is _CLOSED and results >= self._options.min_samples
        return enough and failures <= _SERVING_FAILURES * results

    def retry_at(self, now: float, *, only_choice: bool) -> float:
        """When a call may be let through; `now` if it may now (slow start left aside)."""
        if self._state is _CLOSED or (only_choice and not self._is_dead):
            return now
        return max(now, self._probe_at(only_choice=only_choice))

    def admit(self, now: float, *, only_choice: bool) -> Ticket | None:
        """Let a call through, or None. `only_choice`: the caller has nowhere else to go."""
        if self._state is _CLOSED:
            if self._ramping and not only_choice and self._entropy() >= self._share(now):
                return None
            return self._leave
        if only_choice and not self._is_dead:
            return Ticket(self._period, probe=True)
        if now < self._probe_at(only_choice=only_choice):
            return None
        if self._lease_until > _NEVER:  # the last probe went unanswered
            self._openings += 1
            self._unanswered += 1
        self._lend(now)
        return Ticket(self._period, probe=True, lease=self._lease)

    def answering(self, ticket: Ticket, now: float, *, slow: bool = False) -> None:
        """A stream's first content came: the target is alive. Whether the stream was good its end tells.

        `slow`: it took too long for this target.
        """
        self._run = self._unanswered = 0
        if ticket.probe:
            ticket.slow = slow
        if ticket.period != self._period:
            return
        self._consecutive = 0
        if self._state is _CLOSED:
            self._first_contents.add(now, marked=slow)
            if slow and self._is_over(self._first_contents, self._options.slow_share, now):
                self._open(now)
        elif not slow:
            self._close(now)
        elif ticket.lease:
            self._open(now)

    def succeeded(self, ticket: Ticket, now: float) -> None:
        """The call got a whole answer."""
        self._run = self._unanswered = 0
        if ticket.period != self._period:
            return
        if self._state is not _CLOSED:
            if not ticket.slow:
                self._close(now)
            return
        self._consecutive = 0
        self._window.add(now, marked=False)
        if self._ramping and self._share(now) >= 1.0:
            self._ramping = False
            self._openings = 0

    def failed(self, ticket: Ticket, now: float) -> None:
        """The call failed by the target's fault."""
        self._run += 1
        if ticket.period != self._period:
            return
        if self._state is _CLOSED:
            self._consecutive += 1
            self._window.add(now, marked=True)
            in_a_row = self._consecutive >= self._options.consecutive or now < self._warned_until
            if in_a_row or self._is_over(self._window, self._options.failure_ratio, now):
                self._open(now)
        elif ticket.lease and ticket.lease == self._lease:
            self._open(now)

    def warn(self, until: float) -> None:
        """Another process has given the target up: until then, one failure is enough."""
        self._warned_until = until

    def abandoned(self, ticket: Ticket) -> None:
        """The call says nothing about the target: cancelled, or the request's own fault."""
        if ticket.lease and ticket.period == self._period and ticket.lease == self._lease:
            self._lease_until = self._lone_lease_until = _NEVER

    @property
    def _is_dead(self) -> bool:
        return self._run >= self._options.min_samples

    def _probe_at(self, *, only_choice: bool) -> float:
        """When the next probe may go, for a caller of this sort."""
        if only_choice:
            return max(self._lone_open_until, self._lone_lease_until)
        return max(self._open_until, self._lease_until)

    @property
    def _lone_s(self) -> float:
        """Between two probes by callers without another choice, at most."""
        return self._options.lone_probe_s * 2.0 ** min(self._unanswered, _DOUBLINGS_MAX)

    def _lend(self, now: float) -> None:
        options = self._options
        self._lease += 1
        self._lease_until = now + options.lease_s
        self._lone_lease_until = now + min(self._lone_s, options.lease_s)

    def _is_over(self, window: Window, share: float, now: float) -> bool:
        total, marked = window.counts(now)
        return total >= self._options.min_samples and marked >= share * total

    def _share(self, now: float) -> float:
        if self._options.slow_start_s <= 0:
            return 1.0
        return max(_SLOW_START_FLOOR, (now - self._closed_since) / self._options.slow_start_s)

    def _open(self, now: float) -> None:
        options, jitter = self._options, 1.0 - _JITTER * self._entropy()
        self._openings += 1
        length_s = options.open_s * 2.0 ** min(self._openings - 1, _DOUBLINGS_MAX)
        length_s = min(options.open_max_s, length_s)
        self._open_until = now + length_s * jitter
        self._lone_open_until = now + min(length_s, self._lone_s) * jitter
        self._begin(_OPEN)

    def _close(self, now: float) -> None:
        self._closed_since = now
        self._ramping = True
        self._begin(_CLOSED)

    def _begin(self, state: BreakerState) -> None:
        """A new period: nothing of the last one counts."""
        self._state = state
        self._period += 1
        self._leave = Ticket(self._period, probe=False)
        self._consecutive = 0
        self._lease_until = self._lone_lease_until = _NEVER
        self._window.clear()
        self._first_contents.clear()

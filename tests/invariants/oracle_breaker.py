"""Invariant 5: a cancelled or expired probe neither closes nor wedges a breaker.

And a request's own fault, or a client that leaves, moves no breaker, limiter or bucket: their whole state is
compared before and after, all but the calls in flight and the lease that is given back.
"""

from typing import Any, ClassVar

from fingerprint import fingerprint
from oracle import Asked, Oracle
from schedule_exchange import Exchange
from schedule_world import Watched, World

from halfopen.model import Fault, Kind, Verdict
from halfopen.policy import events as ev
from halfopen.policy.breaker import BreakerState
from halfopen.policy.target import Permit, Refusal

_MAY_MOVE = (
    *("_live", "_own_live", "lost", "own_lost", "_peak", "_own_peak", "_guest_peak", "_own_seen"),
    *("_lease_until", "_lone_lease_until", "_options"),
)
"""How many are and lately were in flight, and what time alone moves."""
_REQUESTS_OWN = (
    Kind.INVALID_REQUEST,
    Kind.CONTEXT_TOO_LONG,
    Kind.CONTENT_FILTERED,
    Kind.REQUEST_TOO_LARGE,
    Kind.UNKNOWN_MODEL,
)
_EPSILON_S = 1e-6
_LONG_S = 100 * 86_400.0
"""Longer than any rate limit can last."""
CANCELLED = "a probe was cancelled"
EXPIRED = "a probe's lease ran out"
REQUESTS_FAULT = "a request was at fault"
CLIENT_LEFT = "a client left"


def _moved(state: Watched) -> Any:
    return fingerprint((state.breaker, state.limiter, state.bucket), _MAY_MOVE)


class _Probe:
    """A call that was let through while the breaker was not closed, with a lease."""

    __slots__ = ("at", "expired", "permit")

    def __init__(self, permit: Permit, at: float) -> None:
        self.permit = permit
        self.at = at
        self.expired = False


class Unmoved(Oracle):
    """Compares states, and follows probes."""

    number: ClassVar[int] = 5
    claims: ClassVar[tuple[str, ...]] = (CANCELLED, EXPIRED, REQUESTS_FAULT, CLIENT_LEFT)

    def __init__(self, world: World) -> None:
        """Nothing was compared."""
        super().__init__(world)
        self._probes: dict[str, list[_Probe]] = {state.target.name: [] for state in world.states}
        self._before: Any = None
        self._closed = False
        self._leaving: list[Any] | None = None

    def on_asked(self, asked: Asked) -> None:
        """Look at probes, and at refusals by breakers: they end in time."""
        state, answer, now = asked.state, asked.answer, self.world.now
        name, options = state.target.name, self.world.policy.breaker
        self._look_at_leases(name)
        if isinstance(answer, Permit):
            if answer.ticket.lease:
                self._probes[name].append(_Probe(answer, now))
            return
        most_s = max(options.open_max_s, options.lease_s)
        if answer.reason is Refusal.BREAKER_OPEN and not now < answer.until <= now + most_s + _EPSILON_S:
            self.wrong(f"{name} is open until {answer.until}, an opening or a lease lasts {most_s} s")

    def before_settle(self, state: Watched, permit: Permit, how: str, fault: Fault | None) -> None:
        """What is there before."""
        self._look_at_leases(state.target.name)
        self._closed = state.breaker.state(self.world.now) is BreakerState.CLOSED
        innocent = how == "cancelled" or (fault is not None and fault.verdict is Verdict.FIX_REQUEST)
        self._before = _moved(state) if innocent else None

    def after_settle(self, state: Watched, permit: Permit, how: str, fault: Fault | None) -> None:
        """What of it has moved."""
        name, now, breaker = state.target.name, self.world.now, state.breaker
        if self._before is not None and self._before != _moved(state):
            what = how if fault is None else f"a {fault.kind.value}"
            self.wrong(f"{name} was moved by {what}: {self._before} became {_moved(state)}")
        if fault is not None and fault.verdict is Verdict.FIX_REQUEST:
            self.meet(REQUESTS_FAULT)
        elif fault is not None and fault.kind in _REQUESTS_OWN:
            self.wrong(f"{name}: {fault.kind.value} is taken for the target's fault")
        if how != "success" and not self._closed and breaker.state(now) is BreakerState.CLOSED:
            self.wrong(f"{name} was closed by a call that {how}")
        probes = self._probes[name]
        mine = [probe for probe in probes if probe.permit is permit]
        self._probes[name] = [probe for probe in probes if probe.permit is not permit]
        if mine and how == "cancelled":
            self.meet(CANCELLED)
            self._is_probed_on(state)

    def _is_probed_on(self, state: Watched) -> None:
        """A probe was cancelled: unless another one is out, the next may go at once."""
        breaker, now = state.breaker, self.world.now
        if breaker.state(now) is BreakerState.HALF_OPEN and not self._probes[state.target.name]:
            retry_at = breaker.retry_at(now, only_choice=False)
            if retry_at > now:
                self.wrong(f"{state.target.name} is wedged until {retry_at} by a cancelled probe")

    def _look_at_leases(self, name: str) -> None:
        lease_s = self.world.policy.breaker.lease_s
        for probe in self._probes[name]:
            if not probe.expired and self.world.now >= probe.at + lease_s:
                probe.expired = True
                self.meet(EXPIRED)

    def before_step(self, exchange: Exchange, event: ev.Event) -> None:
        """A client leaves: what is there before."""
        if isinstance(event, ev.ClientGone):
            for state in self.world.states:
                state.breaker.state(self.world.now)  # an opening that is over is noticed when it is asked for
            self._leaving = [_moved(state) for state in self.world.states]

    def on_step(self, exchange: Exchange, event: ev.Event, actions: Any) -> None:
        """A client has left: what of it has moved."""
        if self._leaving is None or not isinstance(event, ev.ClientGone):
            return
        if exchange.journey.attempts:
            self.meet(CLIENT_LEFT)
        if self._leaving != [_moved(state) for state in self.world.states]:
            self.wrong(f"{exchange} left, and a breaker, limiter or bucket was moved")
        self._leaving = None

    def on_end(self) -> None:
        """No breaker is wedged: after the longest opening, or lease, each lets somebody through."""
        options = self.world.policy.breaker
        later = self.world.now + max(options.open_max_s, options.lease_s) + _EPSILON_S
        for state in self.world.states:
            if not state.could_serve(self.world.now + _LONG_S):
                self.wrong(f"{state.target.name} would take no call after {_LONG_S} s")
            if state.breaker.retry_at(later, only_choice=False) > later:
                self.wrong(f"{state.target.name} is wedged: {fingerprint(state.breaker)}")
                continue
            closed = state.breaker.state(later) is BreakerState.CLOSED
            ticket = state.breaker.admit(later, only_choice=closed)
            if ticket is None:
                self.wrong(f"{state.target.name} is {state.breaker.state(later)} and lets nobody through")
            else:
                state.breaker.abandoned(ticket)

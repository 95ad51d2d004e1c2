"""Invariant 1: per upstream, retries + hedges <= bucket_max + reward * successes + T / refill_s, always.

What counts as a retry: the same request sent to the same target again, unless it is with another
credential after a fault of the one before (each credential has an account of its own at the provider);
a second call beside the first; and every call of a request that its caller repeats.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from oracle import Oracle
from schedule_exchange import Exchange
from schedule_world import World

from halfopen.model import Fault, Verdict
from halfopen.policy import actions as act
from halfopen.policy import events as ev

_OF_THE_CREDENTIAL = (Verdict.KEY, Verdict.QUOTA, Verdict.THROTTLE)
_ROUNDING = 1e-6


@dataclass(slots=True)
class _Visits:
    """What one request has had of one target."""

    credentials: list[int] = field(default_factory=list)
    last: Fault | None = None


class Budget(Oracle):
    """Counts what each upstream is sent again."""

    number: ClassVar[int] = 1
    claims: ClassVar[tuple[str, ...]] = ("a retry was made",)

    def __init__(self, world: World) -> None:
        """Nothing was sent."""
        super().__init__(world)
        self._visits: dict[tuple[int, str], _Visits] = {}
        self._targets: dict[tuple[int, int], str] = {}
        self.again: dict[str, int] = {}
        """Retries and hedges, by target."""
        self._successes: dict[str, int] = {}

    def on_step(self, exchange: Exchange, event: ev.Event, actions: Sequence[act.Action]) -> None:
        """Count what came and what goes out."""
        if isinstance(event, ev.Finished):
            name = self._targets[exchange.number, event.attempt]
            self._successes[name] = self._successes.get(name, 0) + 1
        elif isinstance(event, ev.Failed):
            self._visit(exchange, event.attempt).last = event.fault
        for action in actions:
            if isinstance(action, act.Cancel):
                self._visit(exchange, action.attempt).last = None
            elif isinstance(action, act.Send | act.ContinueOn):
                self._sent(exchange, action)

    def _visit(self, exchange: Exchange, attempt: int) -> _Visits:
        return self._visits[exchange.number, self._targets[exchange.number, attempt]]

    def _sent(self, exchange: Exchange, send: act.Send | act.ContinueOn) -> None:
        name = send.target.name
        self._targets[exchange.number, send.attempt] = name
        visits = self._visits.setdefault((exchange.number, name), _Visits())
        fresh = send.credential not in visits.credentials
        excused = fresh and visits.last is not None and visits.last.verdict in _OF_THE_CREDENTIAL
        again = bool(visits.credentials) and not excused
        hedge = isinstance(send, act.Send) and send.hedge
        visits.credentials.append(send.credential)
        if not (again or hedge or exchange.demand.repeats):
            return
        self.meet("a retry was made" if again else "a hedge was made" if hedge else "a caller repeated")
        self.again[name] = made = self.again.get(name, 0) + 1
        options, world = self.world.policy.retry, self.world
        funded = options.refill_per_success * self._successes.get(name, 0)
        funded += (world.now - world.began) / options.refill_s
        if made + 1 > options.bucket_max + funded:
            self.meet("the budget was used up")
        if made > options.bucket_max + funded + _ROUNDING:
            self.wrong(
                f"{name} has had {made} retries and hedges, {options.bucket_max} + {funded:.3f} allowed"
            )

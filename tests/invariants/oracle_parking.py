"""Invariant 7: a parked credential gets at most one request per park interval; others are unaffected.

A refused key or an exhausted quota parks a credential for the option's time, or the provider's if that is
longer, up to 300 s. An answer to a call that went out after the last refusal ends it.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from fingerprint import fingerprint
from oracle import Asked, Oracle
from schedule_exchange import Exchange
from schedule_world import Watched, World

from halfopen.model import Demand, Fault, Verdict
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.target import Permit, Refusal, Refused

_BELIEVED_S = 300.0
_THROTTLE_S = 2.0
_EPSILON_S = 1e-9
_ANY = Demand()
_Key = tuple[str, int]
"""A provider, and the number of its credential."""


class _Parking:
    """What a bystander knows of one credential."""

    __slots__ = ("interval_s", "is_parked", "refusals", "until")

    def __init__(self) -> None:
        self.is_parked = False
        self.until = 0.0
        self.interval_s = 0.0
        self.refusals = 0


class Parked(Oracle):
    """Counts the requests that each credential gets."""

    number: ClassVar[int] = 7
    claims: ClassVar[tuple[str, ...]] = ("a parked credential was tried", "another was used meanwhile")

    def __init__(self, world: World) -> None:
        """None is parked."""
        super().__init__(world)
        self._keys: dict[_Key, _Parking] = {}
        self._throttled: dict[tuple[str, int], float] = {}
        self._calls: dict[tuple[int, int], tuple[_Key, int, str]] = {}
        self._others: Any = None

    def before_step(self, exchange: Exchange, event: ev.Event) -> None:
        """Note refusals and answers, before anything follows from them."""
        if isinstance(event, ev.Failed):
            self._failed(exchange, event)
        elif isinstance(event, ev.Finished | ev.Content):
            key, refusals, _name = self._calls[exchange.number, event.attempt]
            parking = self._parking(key)
            if refusals == parking.refusals:
                parking.is_parked = False

    def on_step(self, exchange: Exchange, event: ev.Event, actions: Sequence[act.Action]) -> None:
        """Count what goes out."""
        for action in actions:
            if isinstance(action, act.Send | act.ContinueOn):
                self._sent(exchange, action)

    def _parking(self, key: _Key) -> _Parking:
        return self._keys.setdefault(key, _Parking())

    def _failed(self, exchange: Exchange, event: ev.Failed) -> None:
        fault, now = event.fault, self.world.now
        key, _refusals, name = self._calls[exchange.number, event.attempt]
        if fault.verdict is Verdict.THROTTLE:
            wait_s = _THROTTLE_S if fault.delay_s is None else min(fault.delay_s, _BELIEVED_S)
            place = (name, key[1])
            self._throttled[place] = max(self._throttled.get(place, 0.0), now + wait_s)
        if fault.verdict not in (Verdict.KEY, Verdict.QUOTA):
            return
        options = self.world.policy.parking
        own_s = options.key_s if fault.verdict is Verdict.KEY else options.quota_s
        parking = self._parking(key)
        parking.interval_s = max(own_s, min(fault.delay_s or 0.0, _BELIEVED_S))
        parking.until = max(parking.until, now + parking.interval_s)
        parking.refusals += 1
        parking.is_parked = True

    def _sent(self, exchange: Exchange, send: act.Send | act.ContinueOn) -> None:
        now, key = self.world.now, (send.target.provider, send.credential)
        parking = self._parking(key)
        self._calls[exchange.number, send.attempt] = (key, parking.refusals, send.target.name)
        if parking.is_parked:
            self.meet("a parked credential was tried")
            if now < parking.until - _EPSILON_S:
                self.wrong(f"{exchange} uses key {key}, which is parked until {parking.until}")
            parking.until = max(parking.until, now + parking.interval_s)
        elif any(other.is_parked for other in self._keys.values()):
            self.meet("another was used meanwhile")

    def on_asked(self, asked: Asked) -> None:
        """A target refuses for its credentials: all of them must be parked."""
        state, answer, now = asked.state, asked.answer, self.world.now
        if isinstance(answer, Permit) or answer.reason is not Refusal.PARKED:
            return
        for number, account in enumerate(state.accounts):
            parking = self._keys.get((state.target.provider, number))
            if number in asked.but or (parking is not None and parking.is_parked):
                continue
            throttled = now < self._throttled.get((state.target.name, number), 0.0)
            if not throttled and not account.pacer.knows_limits:
                self.wrong(
                    f"{state.target.name} has key {number}, which is not parked, and refuses: {answer}"
                )

    def before_settle(self, state: Watched, permit: Permit, how: str, fault: Fault | None) -> None:
        """A credential is refused: what the others are like before."""
        self._others = None
        if fault is not None and fault.verdict in (Verdict.KEY, Verdict.QUOTA):
            self._others = self._all_others(state, permit)

    def after_settle(self, state: Watched, permit: Permit, how: str, fault: Fault | None) -> None:
        """And whether they have stayed so."""
        if self._others is not None and self._others != self._all_others(state, permit):
            self.wrong(f"key {permit.credential} of {state.target.name} was refused, and others were moved")
        self._others = None

    def _all_others(self, refused: Watched, permit: Permit) -> Any:
        """Every other account with its credential, and every other target's breaker, limiter and bucket."""
        credential = refused.accounts[permit.credential].credential
        seen: list[Any] = []
        for state in self.world.states:
            seen.extend(
                fingerprint(account) for account in state.accounts if account.credential is not credential
            )
            if state is not refused:
                seen.append(fingerprint((state.breaker, state.limiter, state.bucket)))
        return seen

    def on_end(self) -> None:
        """A credential is not parked for ever: after its interval a request may try it."""
        for (provider, number), parking in self._keys.items():
            later = max(self.world.now, parking.until) + _BELIEVED_S + _EPSILON_S
            for state in self.world.states:
                if state.target.provider == provider and parking.is_parked:
                    refused = state.accounts[number].refusal(_ANY, later)
                    if isinstance(refused, Refused) and refused.reason is Refusal.PARKED:
                        self.wrong(f"key {number} of {provider} stays parked until {refused.until}")

"""What each worker knows of a target, made into what all of them know together.

Rules
1. A breaker is as bad as the worst of them: one that is open somewhere turns requests away.
2. Calls, limits and lines are each worker's own, and each keeps to its part of a provider's rate limits: so
   they are added.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

from halfopen.signals.overview import UpstreamState

Number = TypeVar("Number", int, float)

CLOSED: Final = "closed"
_WORST: Final = ("open", "half_open", CLOSED)


def merged(states: Sequence[UpstreamState], opened_wall_s: float | None = None) -> UpstreamState:
    """One target as its workers see it together.

    Args:
        states: One of each worker, of the same target; at least one.
        opened_wall_s: Since when its breaker has not been closed everywhere; None: it is.
    """
    return UpstreamState(
        target=states[0].target,
        breaker=min((state.breaker for state in states), key=_badness),
        workers_open=sum(state.breaker != CLOSED for state in states),
        workers=len(states),
        opened_wall_s=opened_wall_s,
        last_fault=next((state.last_fault for state in states if state.last_fault), ""),
        in_flight=sum(state.in_flight for state in states),
        limit=_sum(state.limit for state in states),
        waiting=sum(state.waiting for state in states),
        throttled_s=max(state.throttled_s for state in states),
        parked={key: why for state in states for key, why in state.parked.items()},
        requests_left=_sum(state.requests_left for state in states),
        requests_max=_sum(state.requests_max for state in states),
        tokens_left=_sum(state.tokens_left for state in states),
        tokens_max=_sum(state.tokens_max for state in states),
    )


def _badness(breaker: str) -> int:
    return _WORST.index(breaker) if breaker in _WORST else len(_WORST)


def _sum(told: Iterable[Number | None]) -> Number | None:
    known = [each for each in told if each is not None]
    return sum(known[1:], known[0]) if known else None


class Upstreams:
    """All targets, and since when their breakers have not been closed."""

    def __init__(self) -> None:
        """Nobody has said anything."""
        self._opened: dict[str, float] = {}

    def merge(self, workers: Iterable[Sequence[UpstreamState]], now_s: float) -> Mapping[str, UpstreamState]:
        """By target. `workers`: what each of them says; `now_s`: seconds since the Unix epoch."""
        by_target: dict[str, list[UpstreamState]] = {}
        for states in workers:
            for state in states:
                by_target.setdefault(state.target, []).append(state)
        is_open = {
            target for target, states in by_target.items() if any(state.breaker != CLOSED for state in states)
        }
        self._opened = {target: self._opened.get(target, now_s) for target in is_open}
        return {
            target: merged(states, self._opened.get(target)) for target, states in sorted(by_target.items())
        }

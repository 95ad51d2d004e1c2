"""How well objectives are kept: counts by minute, the error budget that is left, burn rates.

Rules
1. A request counts in the minute in which it ended. One that was given up by its client, or was at fault
   itself, counts for no objective.
2. Objectives of time count whole answers, whose times are known within 2 %.
3. What control has in memory is followed; what is older is read from the store once, the latest first.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from halfopen.seams.sums import OK, Sums
from halfopen.signals.burn import Guards, burn_rates
from halfopen.signals.fault_owner import is_failure
from halfopen.signals.fold import FIRST_CONTENT, TOKEN_RATE
from halfopen.signals.overview import ObjectiveState
from halfopen.signals.sketch import bucket
from halfopen.signals.timeline import DAY_S, MINUTE_S, Timeline
from halfopen.signals.windows import KEPT_S, Windows

Promise = Literal["availability", "first_token", "tokens_per_s", "valid"]
Counts = dict[int, tuple[int, int]]
"""Good requests and all, by when their stretch of time begins."""
Part = tuple[int, int, int]
"""When a stretch begins, good requests of it, all of it."""

_US_PER_S: Final = 1e6
_RATE_PER_S: Final = 1000.0
_OVERLAP_S: Final = 1800
"""The store is read up to this much after the first minute in memory: by then the two say the same."""


class Promised(msgspec.Struct, frozen=True, kw_only=True):
    """What users are promised. As `[objectives.NAME]` of the configuration has it."""

    name: str
    promise: Promise = "availability"
    target: float = 0.99
    days: int = 30
    routes: tuple[str, ...] = ()
    """Empty: all."""
    within_s: float = 2.0
    at_least: float = 10.0
    """Tokens a second."""
    guards: Guards = Guards(samples_min=20, bad_min=3)

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables of `seams.sums` that it is counted from."""
        return ("request_sums",) if self.promise in ("availability", "valid") else ("time_sums",)


def counts_of(promised: Promised, sums: Sums) -> Counts:
    """Good requests and all, by stretch of time."""
    routes = promised.routes
    match promised.promise:
        case "availability":
            return _counted(_availability(sums, routes))
        case "valid":
            return _counted(_valid(sums, routes))
        case "first_token":
            most = bucket(promised.within_s * _US_PER_S)
            return _counted(_times(sums, routes, FIRST_CONTENT, 0, most))
        case "tokens_per_s":
            least = bucket(promised.at_least * _RATE_PER_S)
            return _counted(_times(sums, routes, TOKEN_RATE, least, None))


def added(several: Iterable[Counts]) -> Counts:
    """Counts of the same stretches of time, added."""
    return _counted((start_s, *counts) for each in several for start_s, counts in each.items())


def _availability(sums: Sums, routes: Sequence[str]) -> Iterable[Part]:
    for (start_s, route, _, _, result), counts in sums.requests.items():
        assert isinstance(start_s, int)
        if routes and route not in routes:
            continue
        if result == OK:
            yield start_s, counts[0], counts[0]
        elif is_failure(str(result)):
            yield start_s, 0, counts[0]


def _valid(sums: Sums, routes: Sequence[str]) -> Iterable[Part]:
    """Of requests that failed only those count that got an answer which was none."""
    for (start_s, route, _, _, result), counts in sums.requests.items():
        assert isinstance(start_s, int)
        if routes and route not in routes:
            continue
        requests, invalid = counts[0], counts[-1]
        if result == OK:
            yield start_s, requests - invalid, requests
        else:
            yield start_s, 0, invalid


def _times(sums: Sums, routes: Sequence[str], measure: str, least: int, most: int | None) -> Iterable[Part]:
    """A bucket at the limit counts as kept."""
    for (start_s, route, _, measured, number), (count,) in sums.times.items():
        if measured != measure or (routes and route not in routes):
            continue
        assert isinstance(start_s, int)
        assert isinstance(number, int)
        is_good = number >= least and (most is None or number <= most)
        yield start_s, count if is_good else 0, count


def _counted(parts: Iterable[Part]) -> Counts:
    made: Counts = {}
    for start_s, good, total in parts:
        known = made.get(start_s, (0, 0))
        made[start_s] = (known[0] + good, known[1] + total)
    return made


class Followed:
    """One objective, and what was counted for it."""

    def __init__(self, promised: Promised) -> None:
        """Nothing is known yet."""
        self.promised = promised
        self.timeline = Timeline()
        self.missing: list[int] = []
        """Days whose counts are yet to be read from the store, by when they begin; the latest is the last."""
        self.until_s = 0
        """The store is to be read up to here; what is later is followed."""
        self._seen: dict[int, int] = {}

    def follow(self, windows: Windows, now_s: float) -> None:
        """Take the counts of minutes in memory that have changed."""
        self.timeline.forget(now_s, self.promised.days)
        for start_s, sums in windows.minutes.items():
            version = windows.versions[start_s]
            if self._seen.get(start_s) != version:
                self._seen[start_s] = version
                good, total = counts_of(self.promised, sums).get(start_s, (0, 0))
                self.timeline.set(start_s, good, total)
        for start_s in [start_s for start_s in self._seen if start_s not in windows.minutes]:
            del self._seen[start_s]

    def begin(self, now_s: float) -> None:
        """Note what is to be read from the store: the days that memory doesn't reach."""
        self.until_s = int(now_s // MINUTE_S) * MINUTE_S - KEPT_S + _OVERLAP_S
        latest = self.until_s // DAY_S * DAY_S
        first = int(now_s - self.promised.days * DAY_S) // DAY_S * DAY_S
        self.missing = list(range(first, latest + DAY_S, DAY_S))

    def state(self, now_s: float) -> ObjectiveState:
        """How well it is kept."""
        promised = self.promised
        until_s = int(now_s // MINUTE_S) * MINUTE_S + MINUTE_S
        good, total = self.timeline.between(until_s - promised.days * DAY_S, until_s)
        allowed = total * (1.0 - promised.target)
        return ObjectiveState(
            name=promised.name,
            promise=promised.promise,
            target=promised.target,
            days=promised.days,
            good=good,
            total=total,
            kept=good / total if total else None,
            budget_left=1.0 - (total - good) / allowed if total else 1.0,
            burn=burn_rates(self.timeline, promised.target, promised.guards, now_s),
        )


class Objectives:
    """Those of the configuration in force."""

    def __init__(self) -> None:
        """There are none."""
        self.followed: Mapping[str, Followed] = {}

    def keep_to(self, promises: Iterable[Promised], now_s: float) -> None:
        """Follow these from now on. One that is as it was keeps its counts."""
        kept: dict[str, Followed] = {}
        for promised in promises:
            known = self.followed.get(promised.name)
            if known is None or known.promised != promised:
                known = Followed(promised)
                known.begin(now_s)
            kept[promised.name] = known
        self.followed = kept

    def follow(self, windows: Windows, now_s: float) -> None:
        """Take the counts of minutes in memory that have changed."""
        for followed in self.followed.values():
            followed.follow(windows, now_s)

    def states(self, now_s: float) -> list[ObjectiveState]:
        """How well each is kept, in the order of their names."""
        return [self.followed[name].state(now_s) for name in sorted(self.followed)]

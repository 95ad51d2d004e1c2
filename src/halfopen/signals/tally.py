"""Counts of requests added up, and the figures that they make."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from halfopen.seams.sums import CANCELLED, GONE, OK, Sums
from halfopen.signals.fault_owner import is_own_mistake
from halfopen.signals.fold import DURATION, FIRST_CONTENT, TOKEN_RATE
from halfopen.signals.overview import Figures
from halfopen.signals.sketch import percentile

_NUSD_PER_USD: Final = 1e9
_MS_PER_US: Final = 1e-3
_NO_TIMES: Final[Mapping[int, int]] = {}


class Tally:
    """Requests of one kind: of a route, of a caller, or all."""

    __slots__ = (
        "answered",
        "by_kind",
        "cost_nusd",
        "gone",
        "input_tokens",
        "output_tokens",
        "own_mistakes",
        "requests",
        "rescued",
        "times",
        "wasted_nusd",
        "wasted_tokens",
    )

    def __init__(self) -> None:
        """Nothing is counted."""
        self.requests = self.answered = self.rescued = self.gone = self.own_mistakes = 0
        self.input_tokens = self.output_tokens = self.wasted_tokens = 0
        self.cost_nusd = self.wasted_nusd = 0
        self.by_kind: Counter[str] = Counter()
        """Of those that failed."""
        self.times: dict[str, Counter[int]] = {}
        """By measure of `signals.fold`, whole answers by bucket of `signals.sketch`."""

    @property
    def failed(self) -> int:
        """Requests that got a fault, their own mistakes included."""
        return self.requests - self.answered - self.gone

    @property
    def hurt(self) -> int:
        """Requests that got a fault which isn't their own."""
        return self.failed - self.own_mistakes

    @property
    def telling(self) -> int:
        """Requests that say something about whether users are served."""
        return self.answered + self.hurt

    def count(self, result: str, counts: list[int]) -> None:
        """Count requests of one result. `counts`: in the order of `REQUEST_COUNTS`."""
        requests, rescued, _, given, answered, _, wasted, cost, wasted_cost, *_ = counts
        self.requests += requests
        self.input_tokens += given
        self.output_tokens += answered
        self.wasted_tokens += wasted
        self.cost_nusd += cost
        self.wasted_nusd += wasted_cost
        if result == OK:
            self.answered += requests
            self.rescued += rescued
        elif result == GONE:
            self.gone += requests
        else:
            self.by_kind[result] += requests
            if is_own_mistake(result):
                self.own_mistakes += requests

    def add(self, other: "Tally") -> None:
        """Count what was counted elsewhere."""
        self.requests += other.requests
        self.answered += other.answered
        self.rescued += other.rescued
        self.gone += other.gone
        self.own_mistakes += other.own_mistakes
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.wasted_tokens += other.wasted_tokens
        self.cost_nusd += other.cost_nusd
        self.wasted_nusd += other.wasted_nusd
        self.by_kind.update(other.by_kind)
        for measure, times in other.times.items():
            self.times.setdefault(measure, Counter()).update(times)

    def milliseconds(self, measure: str, share: float) -> float | None:
        """A percentile; None: there are no times."""
        return milliseconds(self.times.get(measure, _NO_TIMES), share)

    def figures(self, covered_s: float = 0.0) -> Figures:
        """What there is to be seen. `covered_s`: the stretch of time; 0: no rate is told."""
        rate = percentile(self.times.get(TOKEN_RATE, _NO_TIMES), 0.5)
        return Figures(
            requests=self.requests,
            answered=self.answered,
            rescued=self.rescued,
            failed=self.failed,
            own_mistakes=self.own_mistakes,
            gone=self.gone,
            by_kind=ordered(self.by_kind),
            per_s=self.requests / covered_s if covered_s > 0 else 0.0,
            p50_ms=self.milliseconds(DURATION, 0.5),
            p95_ms=self.milliseconds(DURATION, 0.95),
            p99_ms=self.milliseconds(DURATION, 0.99),
            first_content_p50_ms=self.milliseconds(FIRST_CONTENT, 0.5),
            first_content_p95_ms=self.milliseconds(FIRST_CONTENT, 0.95),
            tokens_per_s=None if rate is None else rate / 1000.0,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            wasted_tokens=self.wasted_tokens,
            cost_usd=usd(self.cost_nusd),
            wasted_usd=usd(self.wasted_nusd),
        )


class TargetTally:
    """Attempts at one target, and how often it was passed over."""

    __slots__ = ("attempts", "by_kind", "cancelled", "cost_nusd", "failed", "skipped", "times")

    def __init__(self) -> None:
        """Nothing is counted."""
        self.attempts = self.failed = self.cancelled = self.cost_nusd = 0
        self.by_kind: Counter[str] = Counter()
        """Of those that failed."""
        self.skipped: Counter[str] = Counter()
        """By reason."""
        self.times: Counter[int] = Counter()
        """Whole answers by the bucket of their duration."""

    def count(self, result: str, counts: list[int]) -> None:
        """Count attempts of one result. `counts`: in the order of `ATTEMPT_COUNTS`."""
        attempts, _, _, _, cost = counts
        self.attempts += attempts
        self.cost_nusd += cost
        if result == CANCELLED:
            self.cancelled += attempts
        elif result != OK:
            self.failed += attempts
            self.by_kind[result] += attempts

    def add(self, other: "TargetTally") -> None:
        """Count what was counted elsewhere."""
        self.attempts += other.attempts
        self.failed += other.failed
        self.cancelled += other.cancelled
        self.cost_nusd += other.cost_nusd
        self.by_kind.update(other.by_kind)
        self.skipped.update(other.skipped)
        self.times.update(other.times)


class Tallies:
    """What happened in a stretch of time: all of it, by route, by caller and by target."""

    def __init__(self) -> None:
        """Nothing is counted."""
        self.all = Tally()
        self.routes: dict[str, Tally] = {}
        self.callers: dict[str, Tally] = {}
        """Without times: those are not kept by caller."""
        self.targets: dict[str, TargetTally] = {}
        self.served: dict[str, Counter[str]] = {}
        """Whole answers of each route, by who gave them."""

    def add(self, other: "Tallies") -> None:
        """Count what was counted elsewhere."""
        self.all.add(other.all)
        for name, tally in other.routes.items():
            self.routes.setdefault(name, Tally()).add(tally)
        for name, tally in other.callers.items():
            self.callers.setdefault(name, Tally()).add(tally)
        for name, at_target in other.targets.items():
            self.targets.setdefault(name, TargetTally()).add(at_target)
        for name, served in other.served.items():
            self.served.setdefault(name, Counter()).update(served)


def tallies_of(sums: Sums) -> Tallies:
    """What counts come to."""
    made = Tallies()
    for (_, route, target, caller, result), counts in sums.requests.items():
        made.all.count(str(result), counts)
        made.routes.setdefault(str(route), Tally()).count(str(result), counts)
        made.callers.setdefault(str(caller), Tally()).count(str(result), counts)
        if result == OK:
            made.served.setdefault(str(route), Counter())[str(target)] += counts[0]
    for (_, _, target, result), counts in sums.attempts.items():
        made.targets.setdefault(str(target), TargetTally()).count(str(result), counts)
    for (_, _, target, reason), (skips,) in sums.skips.items():
        made.targets.setdefault(str(target), TargetTally()).skipped[str(reason)] += skips
    _count_times(made, sums)
    return made


def _count_times(made: Tallies, sums: Sums) -> None:
    """By route and by target. There are many, so that nothing is done twice for each."""
    by_route: dict[tuple[int | str, int | str], dict[int, int]] = {}
    by_target: dict[int | str, dict[int, int]] = {}
    for (_, route, target, measure, bucket), (count,) in sums.times.items():
        assert isinstance(bucket, int)
        times = by_route.get((route, measure))
        if times is None:
            times = by_route[route, measure] = {}
        times[bucket] = times.get(bucket, 0) + count
        if measure == DURATION:
            times = by_target.get(target)
            if times is None:
                times = by_target[target] = {}
            times[bucket] = times.get(bucket, 0) + count
    for (route, measure), times in by_route.items():
        made.routes.setdefault(str(route), Tally()).times[str(measure)] = Counter(times)
        made.all.times.setdefault(str(measure), Counter()).update(times)
    for target, times in by_target.items():
        made.targets.setdefault(str(target), TargetTally()).times = Counter(times)


def tally_of(sums: Sums) -> Tally:
    """All requests of the counts, as one."""
    made = Tally()
    for (_, _, _, _, result), counts in sums.requests.items():
        made.count(str(result), counts)
    times: dict[str, dict[int, int]] = {measure: {} for measure in (DURATION, FIRST_CONTENT, TOKEN_RATE)}
    for (_, _, _, measure, bucket), (count,) in sums.times.items():
        assert isinstance(measure, str)
        assert isinstance(bucket, int)
        found = times[measure]
        found[bucket] = found.get(bucket, 0) + count
    made.times = {measure: Counter(found) for measure, found in times.items()}
    return made


def milliseconds(times: Mapping[int, int], share: float) -> float | None:
    """A percentile of times in microseconds; None: there are none."""
    found_us = percentile(times, share)
    return None if found_us is None else found_us * _MS_PER_US


def usd(nusd: int) -> float:
    """Billionths of a dollar in dollars."""
    return nusd / _NUSD_PER_USD


def ordered(counts: Mapping[str, int]) -> dict[str, int]:
    """The largest first; by name where they are equal, so that nothing moves without a reason."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def largest(counts: Iterable[tuple[tuple[str, str], int]]) -> tuple[str, str] | None:
    """The key of the largest count, as `ordered` has it; None: there is none."""
    found = min(counts, key=lambda item: (-item[1], item[0]), default=None)
    return None if found is None else found[0]

"""From counts to the figures and series of a report.

Percentiles are exact, by nearest rank. The interval is Wilson's.

Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
"""

from collections.abc import Sequence
from itertools import chain
from math import ceil, sqrt

from halfopen.simulator.report import Figures, Series
from halfopen.simulator.scenario import FaultKind, Scenario
from halfopen.simulator.tally import Tally
from halfopen.simulator.upstream import Upstream

_Z = 1.959963984540054
"""97.5 % of the normal distribution lie below."""
_RECOVERED = 0.95
_SETTLED_S = 10.0


def wilson(successes: int, number: int) -> tuple[float, float]:
    """The 95 % interval of a share. (0, 1) of nothing."""
    if not number:
        return 0.0, 1.0
    share, z2 = successes / number, _Z * _Z
    centre = share + z2 / (2 * number)
    half = _Z * sqrt(share * (1.0 - share) / number + z2 / (4 * number * number))
    scale = 1.0 + z2 / number
    low = 0.0 if successes == 0 else max(0.0, (centre - half) / scale)
    high = 1.0 if successes == number else min(1.0, (centre + half) / scale)
    return low, high


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that is not less than `share` of them. None: there are none."""
    return ordered[max(0, ceil(share * len(ordered) - 1e-9) - 1)] if ordered else None


def recovery_s(arrived: Sequence[int], succeeded: Sequence[int], ended_s: float) -> float | None:
    """From the end of the last fault until every second is good. None: the last one is not."""
    first = ceil(ended_s)
    if first >= len(arrived):
        return None
    bad = [
        second
        for second in range(first, len(arrived))
        if arrived[second] and succeeded[second] < _RECOVERED * arrived[second]
    ]
    if not bad:
        return 0.0
    # A second in which nobody asks is no evidence: the good ones must be seen.
    if not any(arrived[bad[-1] + 1 :]):
        return None
    return bad[-1] + 1 - ended_s


class Times:
    """The latencies of one run, by the second of arrival and as a whole."""

    __slots__ = ("_of_second", "all", "healthy", "settled")

    def __init__(self, tally: Tally, healthy_until_s: float, settled_from_s: float) -> None:
        """Sorts them."""
        of_second: list[list[float]] = [[] for _ in range(tally.seconds)]
        healthy: list[float] = []
        settled: list[float] = []
        for arrived, latency_s in zip(tally.arrived_at, tally.latency_s, strict=True):
            of_second[int(arrived)].append(latency_s)
            if arrived < healthy_until_s:
                healthy.append(latency_s)
            if arrived > settled_from_s:
                settled.append(latency_s)
        for times in of_second:
            times.sort()
        self._of_second = of_second
        self.all = sorted(chain.from_iterable(of_second))
        self.healthy = sorted(healthy)
        self.settled = sorted(settled)

    def p99_s(self) -> tuple[float | None, ...]:
        """Second by second."""
        return tuple(percentile(times, 0.99) for times in self._of_second)


def times_of(scenario: Scenario, tally: Tally) -> Times:
    """The latencies, with what counts as healthy and as settled."""
    began = [fault.from_s for fault in scenario.faults]
    return Times(tally, scenario.healthy_until_s, min(began) + _SETTLED_S if began else float("inf"))


def figures_of(scenario: Scenario, tally: Tally, times: Times, upstreams: tuple[Upstream, ...]) -> Figures:
    """The figures of a run."""
    number, successes = tally.requests, len(tally.latency_s)
    ended = [fault.from_s if fault.kind is FaultKind.COLD else fault.until_s for fault in scenario.faults]
    cost = 0.0
    for upstream in upstreams:
        cost += upstream.cost
    return Figures(
        requests=number,
        success_rate=successes / number if number else None,
        success_interval=wilson(successes, number),
        amplification=(tally.calls - tally.failovers) / number if number else 0.0,
        failovers=tally.failovers / number if number else 0.0,
        p50_s=percentile(times.all, 0.50),
        p99_s=percentile(times.all, 0.99),
        recovery_s=recovery_s(tally.arrived, tally.succeeded, max(ended)) if ended else None,
        cost=cost,
        success_of={
            client.name: succeeded / arrived if arrived else None
            for client, arrived, succeeded in zip(
                scenario.clients, tally.group_arrived, tally.group_succeeded, strict=True
            )
        },
        p99_healthy_s=percentile(times.healthy, 0.99),
        p99_settled_s=percentile(times.settled, 0.99),
    )


def series_of(tally: Tally, times: Times, upstreams: tuple[Upstream, ...]) -> Series:
    """The series of a run."""
    return Series(
        arrived=tuple(tally.arrived),
        succeeded=tuple(tally.succeeded),
        p99_s=times.p99_s(),
        calls={upstream.name: tuple(tally.calls_at[upstream.index]) for upstream in upstreams},
        in_flight={upstream.name: tuple(tally.in_flight[upstream.index]) for upstream in upstreams},
    )

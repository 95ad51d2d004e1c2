"""What all requests of a run share."""

from collections.abc import Mapping

from halfopen.simulator.strategy import Strategy
from halfopen.simulator.tally import Tally
from halfopen.simulator.timeline import Timeline, Wheel
from halfopen.simulator.trace import Trace
from halfopen.simulator.upstream import Upstream


class World:
    """One run's time, policy, upstreams and counts."""

    __slots__ = (
        "_numbers",
        "cancels",
        "standing",
        "strategy",
        "tally",
        "timeline",
        "trace",
        "upstreams",
        "wheel",
    )

    def __init__(
        self,
        strategy: Strategy,
        upstreams: Mapping[str, Upstream],
        timeline: Timeline,
        trace: Trace,
        tally: Tally,
    ) -> None:
        """`upstreams` by the provider of their targets."""
        self.strategy = strategy
        self.cancels = strategy.cancels
        self.upstreams = upstreams
        self.timeline = timeline
        self.wheel = Wheel(timeline)
        self.trace = trace
        self.tally = tally
        self._numbers = 0
        self.standing = 0
        """Requests in all lines, at most."""

    def number(self) -> int:
        """The next request's number, from 1."""
        self._numbers += 1
        return self._numbers

    def wake(self, target_name: str, count: int) -> None:
        """Room may have become free at a target: tell the first in each line that leads there."""
        for line in self.strategy.lines_to(target_name):
            if len(line):
                line.wake(count, self.timeline.now)

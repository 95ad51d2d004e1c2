"""What is counted while a run goes on: cheap to add to, worked out when it is over."""

from array import array
from collections.abc import Callable
from math import ceil

from halfopen.simulator.timeline import Timeline
from halfopen.simulator.upstream import Upstream


class Tally:
    """The counts of one run."""

    __slots__ = (
        "_on_settled",
        "_timeline",
        "arrived",
        "arrived_at",
        "calls",
        "calls_at",
        "duration_s",
        "failovers",
        "group_arrived",
        "group_succeeded",
        "in_flight",
        "is_closed",
        "latency_s",
        "open",
        "requests",
        "seconds",
        "succeeded",
    )

    def __init__(
        self,
        duration_s: float,
        upstreams: int,
        groups: int,
        timeline: Timeline,
        on_settled: Callable[[], None],
    ) -> None:
        """`on_settled` is called when no request that counts is open any more, and none can come."""
        self._timeline = timeline
        self._on_settled = on_settled
        self.duration_s = duration_s
        self.seconds = max(1, ceil(duration_s))
        self.is_closed = False
        """Whether the scenario is over: who arrives now is load, and counts for nothing."""
        self.open = 0
        self.requests = 0
        self.calls = 0
        self.failovers = 0
        self.arrived = [0] * self.seconds
        self.succeeded = [0] * self.seconds
        self.arrived_at = array("d")
        """When each request that succeeded had arrived."""
        self.latency_s = array("d")
        self.calls_at = [[0] * self.seconds for _ in range(upstreams)]
        self.in_flight: list[list[int]] = [[] for _ in range(upstreams)]
        self.group_arrived = [0] * groups
        self.group_succeeded = [0] * groups

    def came(self, group: int) -> bool:
        """A request has arrived. Whether it counts."""
        if self.is_closed:
            return False
        self.open += 1
        self.requests += 1
        self.arrived[int(self._timeline.now)] += 1
        self.group_arrived[group] += 1
        return True

    def called(self, upstream: int, now: float) -> None:
        """A call was sent. `calls` and `failovers` are the sender's to count, of requests that count."""
        if now < self.duration_s:
            self.calls_at[upstream][int(now)] += 1

    def ended(self, group: int, arrived_at: float, latency_s: float | None) -> None:
        """A request that counts is over. None: without a whole answer in time."""
        if latency_s is not None:
            self.succeeded[int(arrived_at)] += 1
            self.group_succeeded[group] += 1
            self.arrived_at.append(arrived_at)
            self.latency_s.append(latency_s)
        self.open -= 1
        if self.is_closed and not self.open:
            self._on_settled()

    def close(self, _nothing: None) -> None:
        """The scenario is over."""
        self.is_closed = True
        if not self.open:
            self._on_settled()

    def look(self, upstreams: tuple[Upstream, ...]) -> None:
        """The end of a second."""
        for upstream, seen in zip(upstreams, self.in_flight, strict=True):
            seen.append(upstream.in_flight)

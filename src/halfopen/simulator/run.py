"""One policy through one scenario, on virtual time.

Rules
1. The same scenario, policy and streams give the same report, byte for byte.
2. Each group of clients, each upstream and the policy draw from streams of their own: what one of them
   draws never shifts what another gets, so that policies are compared on the same requests.
3. Requests count that arrive within the scenario. It goes on until all of them are over, and the load
   with it, so that the last ones are no better off than the others; who arrives then counts for nothing.
"""

from collections.abc import Callable
from typing import Final

from halfopen.model import Price, Target
from halfopen.seams import Entropy
from halfopen.simulator.autoscaler import Scaler
from halfopen.simulator.cache import PromptCache
from halfopen.simulator.client import Clients
from halfopen.simulator.faults import Faults
from halfopen.simulator.figures import figures_of, series_of, times_of
from halfopen.simulator.refusals import Refusals
from halfopen.simulator.report import Report
from halfopen.simulator.scenario import Scenario, UpstreamSpec
from halfopen.simulator.service import Service
from halfopen.simulator.strategy import MakeStrategy
from halfopen.simulator.tally import Tally
from halfopen.simulator.timeline import Timeline
from halfopen.simulator.trace import Trace
from halfopen.simulator.upstream import Upstream
from halfopen.simulator.world import World

_MODEL: Final = "model"
_DIALECT: Final = "openai"

Streams = Callable[[str], Entropy]
"""Makes the stream of draws of a name: the same name, the same draws, from the start."""


def simulate(
    scenario: Scenario,
    make: MakeStrategy,
    policy: str,
    streams: Streams,
    *,
    progress: Callable[[float], None] | None = None,
    trace: bool = False,
) -> Report:
    """Run a scenario with a policy.

    Args:
        scenario: Who asks, who answers, what goes wrong.
        make: Makes the policy's strategy.
        policy: Its name in the report.
        streams: Makes each stream of draws.
        progress: Told the share of the scenario that has passed, once a virtual second.
        trace: Keep the trace as text, too. It takes about 1 KB a request.
    """
    timeline = Timeline()
    record = Trace(in_words=trace)
    targets = tuple(target_of(spec) for spec in scenario.upstreams)
    upstreams = tuple(
        _upstream(spec, index, target, timeline, record, streams)
        for index, (spec, target) in enumerate(zip(scenario.upstreams, targets, strict=True))
    )
    tally = Tally(scenario.duration_s, len(upstreams), len(scenario.clients), timeline, timeline.stop)
    strategy = make(targets, streams(f"policy/{policy}"), timeline.now)
    world = World(strategy, {upstream.name: upstream for upstream in upstreams}, timeline, record, tally)
    for spec, upstream in zip(scenario.upstreams, upstreams, strict=True):
        own = tuple(fault for fault in scenario.faults if fault.upstream == spec.name)
        Faults(own, upstream, timeline)
        if spec.autoscaler is not None:
            Scaler(spec.autoscaler, spec.servers, upstream, timeline)
    _Seconds(tally, upstreams, timeline, progress)
    timeline.at(scenario.duration_s, tally.close, None)
    by_name = {spec.name: target for spec, target in zip(scenario.upstreams, targets, strict=True)}
    for index, client in enumerate(scenario.clients):
        own_targets = tuple(by_name[name] for name in client.targets)
        Clients(client, index, own_targets, world, streams).start(scenario.duration_s)
    timeline.run()
    times = times_of(scenario, tally)
    return Report(
        policy=policy,
        figures=figures_of(scenario, tally, times, upstreams),
        series=series_of(tally, times, upstreams),
        trace_sha256=record.sha256(),
        trace=record.words(),
    )


def target_of(spec: UpstreamSpec) -> Target:
    """What a policy sees of an upstream: a provider with one model."""
    return Target(spec.name, _MODEL, _DIALECT, price=Price(spec.price_input, spec.price_output))


def _upstream(
    spec: UpstreamSpec, index: int, target: Target, timeline: Timeline, trace: Trace, streams: Streams
) -> Upstream:
    refusals = Refusals()
    fault_entropy = streams(f"faults/{spec.name}")
    cache = None if spec.cache is None else PromptCache(spec.cache, streams(f"cache/{spec.name}"))
    spoiling = streams(f"spoiling/{spec.name}")
    service = Service(spec, refusals, streams(f"service/{spec.name}"), spoiling, cache)
    return Upstream(spec, index, target.name, timeline, trace, refusals, service, fault_entropy)


class _Seconds:
    """Looks at the upstreams at the end of each second."""

    __slots__ = ("_progress", "_second", "_tally", "_timeline", "_upstreams")

    def __init__(
        self,
        tally: Tally,
        upstreams: tuple[Upstream, ...],
        timeline: Timeline,
        progress: Callable[[float], None] | None,
    ) -> None:
        self._tally = tally
        self._upstreams = upstreams
        self._timeline = timeline
        self._progress = progress
        self._second = 0
        self._next()

    def _next(self) -> None:
        self._second += 1
        self._timeline.at(min(self._second, self._tally.duration_s), self._look, None)

    def _look(self, _nothing: None) -> None:
        self._tally.look(self._upstreams)
        if self._progress is not None:
            self._progress(min(1.0, self._second / self._tally.duration_s))
        if self._second < self._tally.seconds:
            self._next()

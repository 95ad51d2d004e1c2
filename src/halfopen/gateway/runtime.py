"""A snapshot brought to life: pools, target states and routes with their waiting lines.

Rules
1. A request belongs to the runtime under which it began, to its end.
2. A runtime that takes the place of another keeps what hasn't changed: the connections to an origin,
   what is known of a credential and of a target, and the line of a route whose targets are the same.
   So a change of one route costs the others nothing, and a broken target isn't forgotten.
"""

import asyncio
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from secrets import token_bytes
from typing import Final, NamedTuple

from msgspec import UNSET

from halfopen.gateway.pool import Pool
from halfopen.gateway.provider import ProviderRuntime
from halfopen.gateway.shares import part, policy_part, provider_part
from halfopen.gateway.timers import Wheel
from halfopen.gateway.waiting_lines import RouteLine, WaitingLines
from halfopen.model import Outcome, Target
from halfopen.model.content import Content, ContentOptions
from halfopen.policy import Credential, JourneyOptions, TargetState
from halfopen.policy.hedge import HedgeBudget
from halfopen.policy.journeys import Journeys
from halfopen.policy.options import RetryOptions
from halfopen.providers import catalogue
from halfopen.providers.clients.relay import ANY_MODEL
from halfopen.redact import Redactor, known
from halfopen.rollout.snapshot import Snapshot
from halfopen.seams import Clock, Entropy

_SECRET_BYTES: Final = 32
_WOKEN_BY_PACE: Final = 8

OutcomeSink = Callable[[Outcome], None]
"""Told when a request is over. Must return at once and never raise."""
ContentSink = Callable[[Content], None]
"""Told what was asked and answered, where a route keeps that. Must return at once."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the gateway is handed from outside."""

    clock: Clock
    entropy: Entropy
    new_id: Callable[[], str]
    on_outcome: OutcomeSink
    answer_headers: tuple[tuple[str, str], ...] = ()
    """Sent with every answer."""
    caller_secret: bytes = field(default_factory=lambda: token_bytes(_SECRET_BYTES), repr=False)
    """Makes the hashes by which callers are told apart this process's own."""
    on_content: ContentSink | None = None
    """None: nothing is kept, whatever a route says."""


class RouteRuntime:
    """One route: the shared states of its targets, and who waits for them."""

    __slots__ = ("content", "hedge", "journeys", "line", "name", "options", "retry", "states")

    def __init__(
        self,
        name: str,
        options: JourneyOptions,
        states: list[TargetState],
        line: RouteLine,
        *,
        retry: RetryOptions,
        entropy: Entropy,
        content: ContentOptions | None = None,
    ) -> None:
        """Targets in order of preference."""
        self.name = name
        self.content = content
        """What is kept of prompts and answers; None: nothing."""
        self.options = options
        self.states = states
        self.line = line
        self.retry = retry
        self.hedge = HedgeBudget(options.hedge)
        """What may be spent on second calls."""
        self.journeys = Journeys(states, options=options, retry=retry, entropy=entropy, hedge=self.hedge)

    def let_go(self, now: float) -> None:
        """Before somebody else looks for room: whoever is at the head of the line may take it."""
        self.line.let_go(now)


class Phase:
    """Whether the gateway stops. One for all runtimes: old connections may refer to an old one."""

    __slots__ = ("draining",)

    def __init__(self) -> None:
        """It does not."""
        self.draining = False


class Known(NamedTuple):
    """What is known of a target, and under which circumstances it was learnt."""

    circumstances: tuple[object, ...]
    state: TargetState


class Runtime:
    """Everything that requests under one snapshot share."""

    def __init__(
        self,
        snapshot: Snapshot,
        secrets: Mapping[str, str],
        surroundings: Surroundings,
        loop: asyncio.AbstractEventLoop,
        *,
        share: float = 1.0,
        pacing_share: float | None = None,
        before: "Runtime | None" = None,
    ) -> None:
        """Builds states and pools; opens no connection, and changes nothing of `before`.

        Args:
            snapshot: What to serve.
            secrets: The values that its references name.
            surroundings: What the gateway is handed from outside.
            loop: Where it runs.
            share: The part of each limit that this process may use. Above 0, up to 1.
            pacing_share: The same of rate limits, as long as `pace` says nothing else. None: `share`.
            before: Whose place it takes.

        Raises:
            KeyError: A secret is not there.
        """
        self.snapshot = snapshot
        self.surroundings = surroundings
        self.loop = loop
        self.share = share
        self.pacing_share: float = before.pacing_share if before else pacing_share or share
        self.pacing_shares: Mapping[str, float] = before.pacing_shares if before else {}
        """The part of each provider's rate limits that this process may use, where it has been told."""
        self.wheel: Wheel = before.wheel if before else Wheel(loop)
        self.phase: Phase = before.phase if before else Phase()
        self.in_flight = 0
        """Requests that have begun under it and are not over."""
        self.on_idle: Callable[[], None] | None = None
        """Told when the last of them is over, once another runtime has taken its place."""
        self.answer_tails: dict[str, str] = {}
        """The last header lines of plain answers, by upstream: made when the first comes."""
        otel = snapshot.otel
        self.traced_part: float | None = None if otel.endpoint is UNSET else otel.traces
        """Of the requests whose clients don't trace, the part whose traces are kept. None: they have none."""
        self.redactor: Redactor = known(secrets.values(), patterns=snapshot.redact.patterns)
        specs = {name: provider_part(spec, share) for name, spec in snapshot.providers.items()}
        earlier = before.providers if before else {}
        self.providers: dict[str, ProviderRuntime] = {
            name: ProviderRuntime(spec, secrets, loop, earlier.get(name)) for name, spec in specs.items()
        }
        self.policy = policy_part(snapshot.policy, share)
        self.credentials: dict[str, list[Credential]] = {}
        """Those of each provider, one for each key, shared by all targets behind it."""
        self.known: dict[str, Known] = {}
        """What is known of each target."""
        self.waiting_lines: WaitingLines = before.waiting_lines if before else WaitingLines(0)
        self.routes: dict[str, RouteRuntime] = {}
        self.relays: dict[str, RouteRuntime] = {}
        """The same routes with the times of what is relayed, and one for requests that name no model."""
        self._build_routes(loop.time(), before)
        if before is None:
            self.lead(())

    @property
    def draining(self) -> bool:
        """Whether connections are closed after the answer that they carry."""
        return self.phase.draining

    @property
    def waiting(self) -> int:
        """Requests in all lines, those of earlier snapshots included."""
        return self.waiting_lines.waiting

    def holds_secret(self, text: str) -> bool:
        """Whether a secret of the configuration stands in `text`, whole."""
        for form in self.redactor.secrets:  # noqa: SIM110 - for every answer: a generator takes longer
            if form in text:
                return True
        return False

    def route_for(self, model: str) -> RouteRuntime | None:
        """Where a request for this model goes; a dated name has the route of the model that it dates."""
        return self.routes.get(model) or self.routes.get(catalogue.undated(model))

    def relay_for(self, model: str) -> RouteRuntime | None:
        """Where a relayed request for this model goes; None: no provider has OpenAI's API."""
        return self.relays.get(model) or self.relays.get(ANY_MODEL)

    def wake(self, target: str, count: int, now: float) -> None:
        """Room may have become free at a target: tell the first in each line that leads there."""
        self.waiting_lines.wake(target, count, now)

    def pacing_part(self, provider: str) -> float:
        """The part of a provider's rate limits that this process keeps to. Above 0, up to 1."""
        return self.pacing_shares.get(provider, self.pacing_share)

    def pace(self, shares: Mapping[str, float]) -> None:
        """Keep to these parts of the providers' rate limits from now on."""
        before, self.pacing_shares = self.pacing_shares, dict(shares)
        if before == self.pacing_shares:
            return
        now = self.loop.time()
        for each in self.known.values():
            self._pace(each.state, now)
        for name in self.known:
            self.wake(name, _WOKEN_BY_PACE, now)

    def _pace(self, state: TargetState, now: float) -> None:
        state.set_share(self.pacing_part(state.target.provider), now)

    def lead(self, earlier: Sequence["Runtime"]) -> None:
        """From now on new requests come here; those of `earlier` runtimes may still wait."""
        lines = self.waiting_lines
        lines.places_max = part(self.snapshot.gateway.queue_max, self.share)
        lines.lead([each.relays.values() for each in (*earlier, self)])

    def ended(self) -> None:
        """One request that has begun here is over."""
        self.in_flight -= 1
        if not self.in_flight and self.on_idle is not None:
            # Not now: the request is still putting its things away.
            self.loop.call_soon(self.on_idle)

    def close(self, keep: Container[Pool] = ()) -> None:
        """Close every upstream connection, but those of the pools in `keep`."""
        for provider in self.providers.values():
            if provider.pool not in keep:
                provider.pool.close()

    def _build_routes(self, now: float, before: "Runtime | None" = None) -> None:
        self.credentials = {name: self._credentials_of(name, before) for name in self.providers}
        self.known = {}
        for name, spec in self.snapshot.routes.items():
            states = [self._state(target, now, before) for target in spec.targets]
            line = self._line(name, states, before)
            earlier = (before.routes.get(name), before.relays.get(name)) if before else (None, None)
            relaying = self._relay_options(spec.options)
            self.routes[name] = self._route(name, spec.options, states, line, earlier[0], spec.content)
            self.relays[name] = self._route(name, relaying, states, line, earlier[1])
        kept = [spec for spec in self.snapshot.providers.values() if spec.dialect == "openai"]
        targets = [Target(spec.name, ANY_MODEL, spec.dialect) for spec in kept if spec.local is None]
        if targets:
            states = [self._state(target, now, before) for target in targets]
            line = self._line(ANY_MODEL, states, before)
            relaying = self._relay_options(JourneyOptions())
            earlier_relay = before.relays.get(ANY_MODEL) if before else None
            self.relays[ANY_MODEL] = self._route(ANY_MODEL, relaying, states, line, earlier_relay)

    def _route(
        self,
        name: str,
        options: JourneyOptions,
        states: list[TargetState],
        line: RouteLine,
        earlier: RouteRuntime | None,
        content: ContentOptions | None = None,
    ) -> RouteRuntime:
        """The route from before, if nothing of it has changed, else a new one."""
        retry = self.snapshot.policy.retry
        if (
            earlier
            and earlier.line is line
            and (earlier.options, earlier.retry, earlier.content) == (options, retry, content)
            and _same(earlier.states, states)
        ):
            return earlier
        entropy = self.surroundings.entropy
        return RouteRuntime(name, options, states, line, retry=retry, entropy=entropy, content=content)

    def _credentials_of(self, provider: str, before: "Runtime | None") -> list[Credential]:
        """What is known of a provider's keys: from before, as far as they are the same."""
        parking, here = self.policy.parking, self.providers[provider]
        there = before.providers.get(provider) if before else None
        known_keys: dict[str | None, Credential] = {}
        if (
            before
            and there
            and there.spec.base_url == here.spec.base_url
            and before.policy.parking == parking
        ):
            known_keys = dict(zip(there.keys, before.credentials[provider], strict=True))
        return [known_keys.get(key) or Credential(parking) for key in here.keys]

    def _state(self, target: Target, now: float, before: "Runtime | None") -> TargetState:
        """What is known of a target: from before, if it is still the same one, else nothing."""
        pacing = self.snapshot.providers[target.provider].pacer_options(target.model)
        circumstances = (target, self.providers[target.provider].identity, self.policy, pacing)
        here = self.known.get(target.name)
        if here is None and before is not None:
            here = before.known.get(target.name)
            if here is not None and here.circumstances != circumstances:
                here = None
        if here is None:
            credentials, entropy = self.credentials[target.provider], self.surroundings.entropy
            state = TargetState(target, credentials, self.policy, entropy, now, pacing=pacing)
            self._pace(state, now)
            here = Known(circumstances, state)
        self.known[target.name] = here
        return here.state

    def _line(self, name: str, states: list[TargetState], before: "Runtime | None") -> RouteLine:
        """The route's line: that from before, if it leads to the same targets."""
        earlier = before.relays.get(name) if before else None
        return earlier.line if earlier and _same(earlier.states, states) else self.waiting_lines.new(states)

    def _relay_options(self, options: JourneyOptions) -> JourneyOptions:
        patience_s = self.snapshot.gateway.relay_timeout_s
        return replace(options, deadline_s=patience_s, attempt_s=patience_s)


def _same(old: list[TargetState], new: list[TargetState]) -> bool:
    return len(old) == len(new) and all(one is other for one, other in zip(old, new, strict=True))

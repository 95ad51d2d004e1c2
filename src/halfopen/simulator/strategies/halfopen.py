"""Halfopen itself: the very objects that the gateway drives.

Rules
1. Every request is a `policy.Journey` over the shared `TargetState` of each of its targets.
2. Clients with the same targets in the same order share a route: one waiting line, one hedging budget.
   All lines together hold as many requests as a gateway's.
3. A target's freed room is offered first to the lines of those whose first choice it is.
4. Unless a configuration says otherwise, a route's times suit its clients: see `Fitted`.
5. Streams that break are gone on with, as the route's options say.

Left out: reading and translating requests, so every target can do every request.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from halfopen.model import Target
from halfopen.policy import Credential, Journey, JourneyOptions, PolicyOptions, TargetState
from halfopen.policy.hedge import HedgeBudget
from halfopen.policy.options import PacerOptions
from halfopen.policy.queue import Line
from halfopen.rollout.settings import Gateway
from halfopen.seams import Entropy
from halfopen.simulator.strategy import MakeStrategy, Request

_NO_LIMITS: Final = PacerOptions()
_STALL_MIN_S: Final = 1.0
_WINDOW_MIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Provider:
    """What a configuration says of one upstream."""

    keys: int = 1
    """How many credentials there are for it."""
    limits: PacerOptions = _NO_LIMITS


class OptionsOf(Protocol):
    """Finds the options of a route."""

    def __call__(self, targets: tuple[Target, ...], deadline_s: float) -> JourneyOptions:
        """`deadline_s` is how long the route's clients wait."""
        ...


class Fitted:
    """One set of options for all routes, or one for each list of targets, fitted to the clients' time.

    Clients who leave sooner than `deadline_s` get everything shorter in proportion: somebody who waits for
    2 s has no use for a server that may be silent for 45 s. Only what tells a stall or a drip from a pause
    stays at least 1 s.
    """

    __slots__ = ("_options",)

    def __init__(self, options: JourneyOptions | Mapping[tuple[str, ...], JourneyOptions]) -> None:
        """A mapping is by the names of the upstreams in order; who is not in it gets the defaults."""
        self._options = options

    def __call__(self, targets: tuple[Target, ...], deadline_s: float) -> JourneyOptions:
        """The options of a route."""
        options = self._options
        if not isinstance(options, JourneyOptions):
            names = tuple(target.provider for target in targets)
            options = options.get(names) or JourneyOptions()
        share = deadline_s / options.deadline_s
        if share >= 1.0:
            return options
        return replace(
            options,
            deadline_s=deadline_s,
            attempt_s=options.attempt_s * share,
            first_token_s=options.first_token_s * share,
            first_token_min_s=options.first_token_min_s * share,
            stall_s=min(options.stall_s, max(_STALL_MIN_S, options.stall_s * share)),
            floor_window_s=min(options.floor_window_s, max(_WINDOW_MIN_S, options.floor_window_s * share)),
        )


class Route:
    """What clients with the same targets share."""

    __slots__ = ("hedge", "line", "options", "states", "targets")

    def __init__(
        self, targets: tuple[Target, ...], states: list[TargetState], options: JourneyOptions, line: Line
    ) -> None:
        """Targets in order of preference."""
        self.targets = targets
        self.states = states
        self.line = line
        self.hedge = HedgeBudget(options.hedge) if options.hedge.extra_load > 0.0 else None
        self.options: dict[str, JourneyOptions] = {}
        """By the group of clients: their times differ."""


class Halfopen:
    """The strategy `halfopen`, and that of a user's configuration."""

    __slots__ = (
        "_entropy",
        "_leading",
        "_options_of",
        "_policy",
        "_queue_max",
        "_routes",
        "_states",
        "cancels",
        "name",
    )

    def __init__(  # noqa: PLR0913 - what a run depends on, by name
        self,
        targets: Sequence[Target],
        entropy: Entropy,
        now: float,
        *,
        policy: PolicyOptions,
        options_of: OptionsOf,
        provider_of: Callable[[Target], Provider],
        queue_max: int,
        name: str = "halfopen",
    ) -> None:
        """Everything healthy, nobody waiting."""
        self.name = name
        self.cancels = True
        self._policy = policy
        self._entropy = entropy
        self._options_of = options_of
        self._queue_max = queue_max
        self._states: dict[str, TargetState] = {}
        for target in targets:
            provider = provider_of(target)
            credentials = [Credential(policy.parking) for _ in range(provider.keys)]
            self._states[target.name] = TargetState(
                target, credentials, policy, entropy, now, pacing=provider.limits
            )
        self._routes: list[Route] = []
        self._leading: dict[str, tuple[Line, ...]] = {}

    def plan(self, request: Request, now: float) -> Journey:  # noqa: ARG002 - the protocol's signature
        """A journey of one request."""
        demand = request.demand
        route = self._route(request)
        options = route.options.get(demand.caller)
        if options is None:
            options = self._options_of(route.targets, request.deadline_s)
            route.options[demand.caller] = options
        return Journey(
            route.states,
            options=options,
            retry=self._policy.retry,
            entropy=self._entropy,
            stream=request.stream,
            unfit=_always_fit,
            resumable=_always_resumable,
            demand=demand,
            hedge=route.hedge,
        )

    def line(self, request: Request) -> Line:
        """The route's."""
        return self._route(request).line

    def lines_to(self, target: str) -> Sequence[Line]:
        """The lines of the routes with this target, those that prefer it first."""
        return self._leading.get(target, ())

    def state(self, target: str) -> TargetState:
        """The shared state of a target by its name."""
        return self._states[target]

    def _route(self, request: Request) -> Route:
        targets = request.targets
        for route in self._routes:
            if route.targets is targets or route.targets == targets:
                return route
        return self._add_route(request)

    def _add_route(self, request: Request) -> Route:
        targets = request.targets
        states = [self._states[target.name] for target in targets]
        route = Route(targets, states, self._options_of(targets, request.deadline_s), Line(self._has_place))
        self._routes.append(route)
        for name in self._states:
            own = [each.line for each in self._routes if each.targets[0].name == name]
            others = [
                each.line
                for each in self._routes
                if each.targets[0].name != name and any(target.name == name for target in each.targets)
            ]
            self._leading[name] = (*own, *others)
        return route

    def _has_place(self) -> bool:
        waiting = 0
        for route in self._routes:
            waiting += len(route.line)
        return waiting < self._queue_max


def make_halfopen(
    policy: PolicyOptions | None = None,
    options: JourneyOptions | Mapping[tuple[str, ...], JourneyOptions] | None = None,
) -> MakeStrategy:
    """A maker of strategies with these options; without any, with the defaults.

    Args:
        policy: Of what requests share.
        options: Of each request, for all or by the names of a route's upstreams in order. They are fitted
            to how long the clients wait.
    """
    chosen = PolicyOptions() if policy is None else policy
    fitted = Fitted(JourneyOptions() if options is None else options)

    def make(targets: Sequence[Target], entropy: Entropy, now: float) -> Halfopen:
        return Halfopen(
            targets,
            entropy,
            now,
            policy=chosen,
            options_of=fitted,
            provider_of=_one_key,
            queue_max=Gateway().queue_max,
        )

    return make


def _one_key(_target: Target) -> Provider:
    return Provider()


def _always_fit(_target: Target) -> str | None:
    """What a target can do is not simulated."""
    return None


def _always_resumable() -> str | None:
    """Every answer is text, and text can be gone on with."""
    return None

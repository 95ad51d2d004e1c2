"""A user's own configuration in a scenario.

Rules
1. The policies are the snapshot's, for all targets alike.
2. An upstream of the scenario is the provider of the same name: that one's number of keys, and its rate
   limits, hold. One that the snapshot does not know has one key and no known limits.
3. A group of clients gets the options of the route whose providers are its upstreams, in order; else of
   the one whose first provider is its first upstream; else those on which all routes agree; else the
   defaults.
4. The options hold as they are. They are not fitted to the scenario's clients: whether they suit is what
   one wants to see.
"""

from collections.abc import Sequence

from halfopen.model import Target
from halfopen.policy import JourneyOptions
from halfopen.rollout import RouteSpec, Snapshot
from halfopen.seams import Entropy
from halfopen.simulator.strategies.halfopen import Halfopen, Provider
from halfopen.simulator.strategy import MakeStrategy


def make_configured(snapshot: Snapshot, name: str = "halfopen.toml") -> MakeStrategy:
    """A maker of strategies as the snapshot says. `name` stands in reports."""

    def make(targets: Sequence[Target], entropy: Entropy, now: float) -> Halfopen:
        return Halfopen(
            targets,
            entropy,
            now,
            policy=snapshot.policy,
            options_of=Configured(snapshot),
            provider_of=lambda target: provider_of(snapshot, target),
            queue_max=snapshot.gateway.queue_max,
            name=name,
        )

    return make


class Configured:
    """Finds the options of a route in a snapshot."""

    __slots__ = ("_routes",)

    def __init__(self, snapshot: Snapshot) -> None:
        """Routes in the order of the snapshot."""
        self._routes: tuple[RouteSpec, ...] = tuple(snapshot.routes.values())

    def __call__(self, targets: tuple[Target, ...], deadline_s: float) -> JourneyOptions:  # noqa: ARG002 - rule 4
        """The options of a route."""
        names = [target.provider for target in targets]
        for route in self._routes:
            if [target.provider for target in route.targets] == names:
                return route.options
        for route in self._routes:
            if route.targets and route.targets[0].provider == names[0]:
                return route.options
        agreed = self._routes[0].options if self._routes else JourneyOptions()
        if all(route.options == agreed for route in self._routes):
            return agreed
        return JourneyOptions()


def provider_of(snapshot: Snapshot, target: Target) -> Provider:
    """The keys and limits of an upstream; those of the first of the provider's models in any route."""
    spec = snapshot.providers.get(target.provider)
    if spec is None:
        return Provider()
    models = [
        each.model
        for route in snapshot.routes.values()
        for each in route.targets
        if each.provider == target.provider
    ]
    model = models[0] if models else target.model
    return Provider(max(1, len(spec.keys)), spec.pacer_options(model))

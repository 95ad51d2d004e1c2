"""Which targets can do a plain request.

It knows nothing of whoever works on the request, so that journey and worker don't hold each other: what
refers to itself stays in memory until the collector comes by.
"""

from halfopen.gateway.runtime import RouteRuntime, Runtime
from halfopen.gateway.standing_in import bound_elsewhere
from halfopen.model import Target
from halfopen.providers import Ask, ClientDialect


class Fit:
    """One request, as far as it matters to whom it can be sent."""

    __slots__ = ("_ask", "_client", "_route", "_runtime")

    def __init__(self, runtime: Runtime, route: RouteRuntime, client: ClientDialect, ask: Ask) -> None:
        """The request, its client and its route."""
        self._runtime = runtime
        self._route = route
        self._client = client
        self._ask = ask

    def unfit(self, target: Target) -> str | None:
        """Why a target can't do it; None: it can."""
        bound = bound_elsewhere(self._ask, self._route.states[0].target, target)
        if bound is not None:
            return bound
        dialect = self._runtime.providers[target.provider].dialect
        return self._client.translation(dialect, target).unfit(self._ask, target)

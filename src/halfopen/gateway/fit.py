"""Which targets can do a plain request.

It knows nothing of whoever works on the request, so that journey and worker don't hold each other: what
refers to itself stays in memory until the collector comes by.

What is asked of a target is asked of its model, in its provider's dialect. When the next one has the same,
as a stand-in at another provider often has, the answer is known: to find it takes as long as all the rest
of choosing a target.
"""

from halfopen.gateway.runtime import RouteRuntime, Runtime
from halfopen.gateway.standing_in import bound_elsewhere
from halfopen.model import Target
from halfopen.providers import Ask, ClientDialect, Dialect


class Fit:
    """One request, as far as it matters to whom it can be sent."""

    __slots__ = ("_answer", "_ask", "_asked", "_client", "_dialect", "_route", "_runtime")

    def __init__(self, runtime: Runtime, route: RouteRuntime, client: ClientDialect, ask: Ask) -> None:
        """The request, its client and its route."""
        self._runtime = runtime
        self._route = route
        self._client = client
        self._ask = ask
        self._asked: Target | None = None
        """The target that was looked at last."""
        self._dialect: Dialect | None = None
        """Its provider's."""
        self._answer: str | None = None
        """Why it can't, whatever binds the request elsewhere."""

    def unfit(self, target: Target) -> str | None:
        """Why a target can't do it; None: it can."""
        bound = bound_elsewhere(self._ask, self._route.states[0].target, target)
        if bound is not None:
            return bound
        dialect = self._runtime.providers[target.provider].dialect
        asked = self._asked
        if (
            asked is None
            or dialect is not self._dialect
            or target.model != asked.model
            or target.capabilities is not asked.capabilities
        ):
            self._asked, self._dialect = target, dialect
            self._answer = self._client.translation(dialect, target).unfit(self._ask, target)
        return self._answer

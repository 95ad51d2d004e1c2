"""Makes the journeys of one route: what they have in common is said once.

A journey depends on nine things, of which most requests of a route share five. To name all of them for each
request takes as long as a third of its way.
"""

from collections.abc import Callable, Sequence

from halfopen.model import Demand, Fault, Target
from halfopen.policy.hedge import HedgeBudget
from halfopen.policy.journey import Journey
from halfopen.policy.options import JourneyOptions, RetryOptions
from halfopen.policy.target import TargetState
from halfopen.seams import Entropy


class Journeys:
    """What the requests of one route share."""

    __slots__ = ("_entropy", "_hedge", "_options", "_retry", "_targets")

    def __init__(
        self,
        targets: Sequence[TargetState],
        *,
        options: JourneyOptions,
        retry: RetryOptions,
        entropy: Entropy,
        hedge: HedgeBudget | None = None,
    ) -> None:
        """Makes nothing yet.

        Args:
            targets: Where a request may go, in order of preference.
            options: The route's bounds.
            retry: The backoff between calls to one target.
            entropy: Draws from 0 to 1.
            hedge: What the route may spend on hedges; None: it never hedges.
        """
        self._targets = targets
        self._options = options
        self._retry = retry
        self._entropy = entropy
        self._hedge = hedge

    def begin(
        self,
        demand: Demand,
        unfit: Callable[[Target], str | None],
        resumable: Callable[[], str | None] | None = None,
        may_repeat: Callable[[Fault], bool] | None = None,
        *,
        stream: bool,
    ) -> Journey:
        """The journey of one request; nothing happens before `Arrived`.

        Args:
            demand: What the request asks.
            unfit: Says why a target can't do the request, or None. Once `committed`, a target is asked
                anew: then it is to go on with an answer.
            resumable: Says why what the client has got can't be gone on with, or None. Without it
                nothing can.
            may_repeat: Whether the request may be sent again, to any target, after this fault. Without
                it: always.
            stream: Whether a stream was asked for.
        """
        return Journey(
            self._targets,
            self._options,
            self._retry,
            self._entropy,
            stream,
            unfit,
            resumable,
            may_repeat,
            demand,
            self._hedge,
        )

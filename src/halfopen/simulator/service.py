"""How long an upstream works on a call.

Rules
1. Median · exp(sigma · normal) to the first token, then an even time for each further one.
2. All is longer in proportion to how many slots are busy, and by what a fault says; a cache shortens the
   time to the first token only.
3. Numbers are drawn when work begins, in that order, so that a seed gives the same times to all policies.
"""

from math import cos, exp, log, pi, sin, sqrt

from halfopen.model import Kind, TransportError
from halfopen.seams import Entropy
from halfopen.simulator.cache import PromptCache
from halfopen.simulator.call import Call
from halfopen.simulator.refusals import Refusals
from halfopen.simulator.scenario import FaultKind, FaultSpec, UpstreamSpec


class Service:
    """The times of one upstream, and the faults that spoil answers."""

    __slots__ = ("_entropy", "_fault_entropy", "_refusals", "_spare", "_spec", "cache", "slow", "spoiling")

    def __init__(
        self,
        spec: UpstreamSpec,
        refusals: Refusals,
        entropy: Entropy,
        fault_entropy: Entropy,
        cache: PromptCache | None,
    ) -> None:
        """`entropy` is for times, `fault_entropy` for which calls a fault meets."""
        self._spec = spec
        self._refusals = refusals
        self._entropy = entropy
        self._fault_entropy = fault_entropy
        self._spare: float | None = None
        self.cache = cache
        self.slow = 1.0
        """How many times longer all takes."""
        self.spoiling: tuple[FaultSpec, ...] = ()

    def begin(self, call: Call, load: float) -> tuple[float, float]:
        """Seconds to the first token, and from there to the end. Sets the call's interval and fate."""
        spec = self._spec
        factor = self.slow * (1.0 + spec.slowdown * load)
        first_s = spec.first_token_s * factor
        if spec.first_token_spread:
            first_s *= exp(spec.first_token_spread * self._normal())
        if self.cache is not None:
            first_s /= self.cache.speedup()
        call.interval_s = spec.token_s * factor
        if self.spoiling:
            self._spoil(call)
        return first_s, call.interval_s * max(0, call.output_tokens - 1)

    def _normal(self) -> float:
        """A standard normal number. Source: G. E. P. Box and M. E. Muller, 1958."""
        spare = self._spare
        if spare is not None:
            self._spare = None
            return spare
        radius = sqrt(-2.0 * log(1.0 - self._entropy()))
        angle = 2.0 * pi * self._entropy()
        self._spare = radius * sin(angle)
        return radius * cos(angle)

    def _spoil(self, call: Call) -> None:
        for spec in self.spoiling:
            if spec.kind is not FaultKind.EMPTY and not call.stream:
                continue
            if spec.share < 1.0 and self._fault_entropy() >= spec.share:
                continue
            if spec.kind is FaultKind.DRIP:
                call.interval_s = spec.after_s
            elif spec.kind is FaultKind.CUT:
                call.fault = self._refusals.transport(TransportError.CUT)
                call.output_tokens = 1 + (call.output_tokens - 1) // 2
            else:
                call.fault = self._refusals.kind(Kind.EMPTY_ANSWER, 200)
                call.output_tokens = 0
                return

"""When requests come: a Poisson process whose rate rises or falls evenly.

The time to the next arrival is found by inversion: as much of the area under the rate passes as an
exponential draw says. One draw for each arrival, so that the draws of one process never shift.

Source: D. E. Knuth, The Art of Computer Programming, vol. 2, 3.4.1; inversion of the cumulative rate as in
E. Cinlar, Introduction to Stochastic Processes, 1975, 4.7.
"""

from math import log, sqrt

from halfopen.seams import Entropy
from halfopen.simulator.scenario import Phase


class Arrivals:
    """The arrivals of one phase, one after another."""

    __slots__ = ("_at", "_entropy", "_goes_on", "_phase", "_rate", "_slope")

    def __init__(self, phase: Phase, entropy: Entropy, *, goes_on: bool) -> None:
        """`goes_on`: at the phase's end they go on at the rate that they have then, for ever."""
        self._phase = phase
        self._entropy = entropy
        self._goes_on = goes_on
        self._at = phase.from_s
        self._rate = phase.rate
        length_s = phase.until_s - phase.from_s
        end = phase.rate if phase.rate_end is None else phase.rate_end
        self._slope = (end - phase.rate) / length_s if length_s > 0 else 0.0

    def draw_s(self) -> float | None:
        """When the next request comes; None: none comes any more."""
        area = -log(1.0 - self._entropy())
        slope, rate = self._slope, self._rate
        if slope:
            left_s = self._phase.until_s - self._at
            rest = (rate + slope * left_s / 2.0) * left_s
            if area < rest:
                # The root of rate·d + slope·d²/2 = area, in the form that is exact for a small slope.
                passed_s = 2.0 * area / (rate + sqrt(max(0.0, rate * rate + 2.0 * slope * area)))
                self._at += passed_s
                self._rate = max(0.0, rate + slope * passed_s)
                return self._at
            area -= rest
            self._at = self._phase.until_s
            self._rate = rate = max(0.0, rate + slope * left_s)
            self._slope = 0.0
        if rate <= 0.0:
            return None
        self._at += area / rate
        return self._at if self._goes_on or self._at < self._phase.until_s else None

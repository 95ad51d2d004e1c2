"""A prompt cache: warm it answers sooner, and every request warms it."""

from halfopen.seams import Entropy
from halfopen.simulator.scenario import Cache


class PromptCache:
    """The cache of one upstream. Cold at first."""

    __slots__ = ("_entropy", "_spec", "warmth")

    def __init__(self, spec: Cache, entropy: Entropy) -> None:
        """One draw for each request, hit or not."""
        self._spec = spec
        self._entropy = entropy
        self.warmth = 0.0
        """0: cold. 1: as warm as it gets."""

    def speedup(self) -> float:
        """How many times sooner the first token of the next request comes."""
        spec = self._spec
        hit = self._entropy() < spec.hit_ratio * self.warmth
        self.warmth += (1.0 - self.warmth) / max(1, spec.warm_requests)
        return spec.speedup if hit else 1.0

    def lose(self) -> None:
        """Everything in it is gone."""
        self.warmth = 0.0

"""An upstream's rate limits, as it enforces them: a bucket a minute wide for each dimension.

A bucket holds a minute's worth and fills evenly. A request that asks for more than a whole bucket is let
through when the bucket is full, and leaves it in debt: otherwise it could never be answered.
"""

from math import ceil

from halfopen.model import Dimension, RateLimit

_MINUTE_S = 60.0


class _Bucket:
    __slots__ = ("_at", "dimension", "left", "size")

    def __init__(self, dimension: Dimension, size: float) -> None:
        self.dimension = dimension
        self.size = self.left = size
        self._at = 0.0

    def fill(self, now: float) -> None:
        self.left = min(self.size, self.left + (now - self._at) * self.size / _MINUTE_S)
        self._at = now

    def lacks_s(self, amount: float) -> float:
        """How long until there is enough."""
        return max(0.0, (min(amount, self.size) - self.left) * _MINUTE_S / self.size)

    def told(self) -> RateLimit:
        reset_s = (self.size - self.left) * _MINUTE_S / self.size
        return RateLimit(self.dimension, self.size, max(0.0, float(int(self.left))), reset_s)


class Quota:
    """The limits of one upstream."""

    __slots__ = ("_requests", "_tokens")

    def __init__(self, requests_per_minute: float, tokens_per_minute: float) -> None:
        """0: no limit. The buckets are full at first."""
        self._requests = _Bucket(Dimension.REQUESTS, requests_per_minute) if requests_per_minute > 0 else None
        self._tokens = _Bucket(Dimension.TOKENS, tokens_per_minute) if tokens_per_minute > 0 else None

    def take(self, tokens: int, now: float) -> int | None:
        """Count a request, or say how long it should wait: whole seconds, at least 1, as headers do."""
        requests, budget = self._requests, self._tokens
        lacks_s = 0.0
        if requests is not None:
            requests.fill(now)
            lacks_s = requests.lacks_s(1.0)
        if budget is not None:
            budget.fill(now)
            lacks_s = max(lacks_s, budget.lacks_s(tokens))
        if lacks_s > 1e-9:
            return max(1, ceil(lacks_s))
        if requests is not None:
            requests.left -= 1.0
        if budget is not None:
            budget.left -= tokens
        return None

    def told(self, now: float) -> tuple[RateLimit, ...]:
        """What the headers of an answer say."""
        limits = []
        for bucket in (self._requests, self._tokens):
            if bucket is not None:
                bucket.fill(now)
                limits.append(bucket.told())
        return tuple(limits)

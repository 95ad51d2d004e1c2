"""The retry budget of one target, funded by its successes.

Rules
1. A retry costs one token, after a timeout two; without tokens there is no retry.
2. A success earns a tenth of a token, and time earns one every 30 s, so that an idle target can be
   tried again.
3. So retries ≤ bucket_max + 0.1 · successes + T/30, on any schedule: an outage makes 0.2 % more
   calls, not three times as many.

Source: AWS SDK "standard" retry mode's token bucket; the funding by success follows gRPC A6.
"""

from halfopen.policy.options import RetryOptions

RETRY_COST = 1.0
TIMEOUT_COST = 2.0
_ROUNDING = 1e-9
"""Ten tenths of a token are one token."""


class RetryBucket:
    """Counts tokens. Not thread-safe; one event loop owns it."""

    __slots__ = ("_options", "_tokens", "_updated")

    def __init__(self, options: RetryOptions, now: float) -> None:
        """Starts full."""
        self._options = options
        self._tokens = options.bucket_max
        self._updated = now

    def tokens(self, now: float) -> float:
        """Tokens at hand."""
        self._refill(now)
        return self._tokens

    def take(self, cost: float, now: float) -> bool:
        """Spend `cost` tokens; False, and nothing spent, when there are too few."""
        self._refill(now)
        if self._tokens + _ROUNDING < cost:
            return False
        self._tokens -= cost
        return True

    def succeeded(self) -> None:
        """Earn the reward of one success."""
        self._tokens = min(self._options.bucket_max, self._tokens + self._options.refill_per_success)

    def _refill(self, now: float) -> None:
        if now > self._updated:
            earned = (now - self._updated) / self._options.refill_s
            self._tokens = min(self._options.bucket_max, self._tokens + earned)
            self._updated = now

"""The retry budget of one target, funded by its successes.

Rules
1. A retry costs one token, after a timeout two; without tokens there is no retry.
2. A request of more model tokens than the target's successes have on average costs so many times
   more, up to `price_max` times: a retry of a long prompt is more load than one of a short prompt. No
   request costs less than the one token, or cheap ones would break rule 4. A price is at most a full bucket.
3. A success earns a tenth of a token, and time earns one every 30 s, so that an idle target can be
   tried again.
4. So retries ≤ bucket_max + 0.1 · successes + T/30, on any schedule: an outage makes 0.2 % more
   calls, not three times as many.

Source: AWS SDK "standard" retry mode's token bucket; the funding by success follows gRPC A6. The price
by size is our own: what a retry costs a provider of language models is its tokens.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """Backoff and the retry bucket of one target."""

    base_s: float = 0.5
    """Upper end of the first delay. Seconds, 0.01 to 60."""
    cap_s: float = 8.0
    """Longest delay of our own choosing. Seconds, 0.01 to 300."""
    bucket_max: float = 10.0
    """Tokens in a full bucket, and at the start. 0 to 1000; 0 forbids retries."""
    refill_per_success: float = 0.1
    """Tokens that a success earns. 0 to 1."""
    refill_s: float = 30.0
    """Seconds that earn one token by themselves. 1 to 3600."""
    price_max: float = 5.0
    """Most times that a large request's retry costs more than a usual one's. 1 to 100; 1: all the same."""


RETRY_COST = 1.0
TIMEOUT_COST = 2.0
_ROUNDING = 1e-9
"""Ten tenths of a token are one token."""
_MEAN_OF = 50.0
"""The mean size of a success is that of about so many."""


class RetryBucket:
    """Counts tokens. Not thread-safe; one event loop owns it."""

    __slots__ = ("_mean_tokens", "_options", "_sizes", "_tokens", "_updated")

    def __init__(self, options: RetryOptions, now: float) -> None:
        """Starts full."""
        self._options = options
        self._tokens = options.bucket_max
        self._updated = now
        self._mean_tokens = 0.0
        self._sizes = 0.0

    def tokens(self, now: float) -> float:
        """Tokens at hand."""
        self._refill(now)
        return self._tokens

    def cost(self, base: float, tokens: int) -> float:
        """What a retry of a request of so many model tokens costs. `base`: what a usual one costs.

        0 tokens: not known, a usual one.
        """
        if tokens <= self._mean_tokens or not self._sizes:
            return base
        price = base * min(tokens / self._mean_tokens, self._options.price_max)
        return max(base, min(price, self._options.bucket_max))

    def has(self, cost: float, now: float) -> bool:
        """Whether `take` would succeed."""
        self._refill(now)
        return self._tokens + _ROUNDING >= cost

    def take(self, cost: float, now: float) -> bool:
        """Spend `cost` tokens; False, and nothing spent, when there are too few."""
        if not self.has(cost, now):
            return False
        self._tokens -= cost
        return True

    def succeeded(self, tokens: int = 0) -> None:
        """Earn the reward of one success, of a request of so many model tokens. 0: not known."""
        options = self._options
        self._tokens = min(options.bucket_max, self._tokens + options.refill_per_success)
        if tokens > 0:
            if self._sizes < _MEAN_OF:
                self._sizes += 1.0
            self._mean_tokens += (tokens - self._mean_tokens) / self._sizes

    def _refill(self, now: float) -> None:
        if now > self._updated:
            earned = (now - self._updated) / self._options.refill_s
            self._tokens = min(self._options.bucket_max, self._tokens + earned)
            self._updated = now

"""The retry budget of one target, funded by its successes.

Rules
1. A retry costs one token, after a timeout two; without tokens there is no retry.
2. A success earns a tenth of a token, and time earns one every 30 s, so that an idle target can be
   tried again.
3. So retries ≤ bucket_max + 0.1 · successes + T/30, on any schedule: an outage makes 0.2 % more
   calls, not three times as many.
4. The same is counted a second time by size: a request of twice as many model tokens as the successes
   have on average weighs two, when it succeeds and when it is retried, one of half as many a half, and
   none more than `price_max`. A retry needs both. So retries add no more than a tenth in tokens, either:
   one of a long prompt is more load than one of a short prompt. Where faults don't depend on the size,
   the second count allows as many retries as the first.
5. A retry never weighs more than a full bucket, or the longest could never be retried.

Source: AWS SDK "standard" retry mode's token bucket; the funding by success follows gRPC A6. The count
by size is our own: what a retry costs a provider of language models is its tokens.
"""

from typing import Final

from halfopen.policy.options import RetryOptions

# ruff: noqa: FURB136 - min() and max() take longer than all the rest of what every call goes through


RETRY_COST: Final = 1.0
TIMEOUT_COST: Final = 2.0
_ROUNDING: Final = 1e-9
"""Ten tenths of a token are one token."""
_MEAN_OF: Final = 50.0
"""The mean size of a success is that of about so many."""


class RetryBucket:
    """Counts tokens. Not thread-safe; one event loop owns it."""

    __slots__ = ("_mean_tokens", "_most", "_options", "_reward", "_sizes", "_tokens", "_updated", "_weights")

    def __init__(self, options: RetryOptions, now: float) -> None:
        """Starts full."""
        self._options = options
        self._most = options.bucket_max
        self._reward = options.refill_per_success
        self._tokens = options.bucket_max
        self._weights = options.bucket_max
        self._updated = now
        self._mean_tokens = 0.0
        self._sizes = 0.0

    def tokens(self, now: float) -> float:
        """Tokens at hand, each for the retry of a usual request."""
        self._refill(now)
        return min(self._tokens, self._weights)

    def fill(self, now: float) -> float:
        """How full it is, 0 to 1. One that forbids retries is empty."""
        most = self._options.bucket_max
        return self.tokens(now) / most if most > 0.0 else 0.0

    def weight(self, tokens: int) -> float:
        """How many usual requests one of so many model tokens weighs as much as. 0 tokens: not known, one."""
        if tokens <= 0 or not self._sizes:
            return 1.0
        most = self._options.price_max
        if most <= 1.0:
            return 1.0
        return min(tokens / self._mean_tokens, most)

    def has(self, cost: float, now: float, tokens: int = 0) -> bool:
        """Whether `take` would succeed."""
        self._refill(now)
        return self._tokens + _ROUNDING >= cost and self._weights + _ROUNDING >= self._load(cost, tokens)

    def take(self, cost: float, now: float, tokens: int = 0) -> bool:
        """Spend `cost` on a retry; False, and nothing spent, when there is too little.

        `tokens`: the request's model tokens, estimated. 0: not known.
        """
        if not self.has(cost, now, tokens):
            return False
        self._tokens -= cost
        self._weights -= self._load(cost, tokens)
        return True

    def succeeded(self, tokens: int = 0) -> None:
        """Earn the reward of one success, of a request of so many model tokens. 0: not known.

        They are estimated as those of a retry are, or the two could not be compared.
        """
        most, reward = self._most, self._reward
        count = self._tokens + reward
        self._tokens = count if count < most else most
        if self._weights < most:
            count = self._weights + reward * self.weight(tokens)
            self._weights = count if count < most else most
        if tokens > 0:
            if self._sizes < _MEAN_OF:
                self._sizes += 1.0
            self._mean_tokens += (tokens - self._mean_tokens) / self._sizes

    def _load(self, cost: float, tokens: int) -> float:
        """What a retry takes by size."""
        return min(cost * self.weight(tokens), max(cost, self._options.bucket_max))

    def _refill(self, now: float) -> None:
        if now > self._updated:
            most = self._options.bucket_max
            earned = (now - self._updated) / self._options.refill_s
            self._tokens = min(most, self._tokens + earned)
            self._weights = min(most, self._weights + earned)
            self._updated = now

"""Delay before a retry: exponential, full jitter.

Rules
1. The n-th retry waits U(0, min(cap, base·2ⁿ)). With 100 clients in contention this needs the
   fewest calls of the known schemes.
2. A delay that the server asked for is a lower bound; jitter is added on top of it, never taken off.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from halfopen.policy.options import RetryOptions
from halfopen.seams import Entropy

_EXPONENT_MAX = 30


def full_jitter(options: RetryOptions, retry: int, entropy: Entropy) -> float:
    """Seconds to wait before retry number `retry` (0 for the first)."""
    ceiling = min(options.cap_s, options.base_s * 2.0 ** min(retry, _EXPONENT_MAX))
    return entropy() * ceiling


def retry_delay(options: RetryOptions, retry: int, server_s: float | None, entropy: Entropy) -> float:
    """Seconds to wait, never fewer than the server asked for.

    A server that told everybody the same delay would get everybody back at once, so up to a tenth
    of the delay (at most one second) is added at random.
    """
    own = full_jitter(options, retry, entropy)
    if server_s is None:
        return own
    return max(own, server_s + min(1.0, server_s * 0.1) * entropy())

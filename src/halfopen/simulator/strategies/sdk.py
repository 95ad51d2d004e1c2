"""The retries that the official SDKs make by themselves.

Rules
1. At most two retries, at the same target; none once a stream's response has begun.
2. Retried are 408, 409, 429, every status from 500 on, failed connections and timeouts. A server's
   `x-should-retry: false` forbids it.
3. A wait that the server asks for, up to 120 s, is kept to exactly; a longer one means no retry.
4. Else the n-th retry (n from 0) waits min(0.5 · 2ⁿ, 8) s, less up to a quarter of it at random.
5. A call is given up after 600 s without a byte. There is no bound on the whole, and no budget.

Left out: `x-should-retry: true`, which the decoder does not keep; `retry-after` is heeded only where the
decoder made it the fault's delay, as it does for every error.

Source: openai-python 3.54, `_base_client.py` (`_should_retry`, `_calculate_retry_timeout`) and
`_constants.py`; anthropic-sdk-python has the same figures but heeds waits up to 60 s only.
"""

from collections.abc import Sequence
from typing import Final

from halfopen.model import Fault, Target
from halfopen.seams import Entropy
from halfopen.simulator.strategies.lineless import Lineless
from halfopen.simulator.strategies.retry_plan import Again, RetryPlan
from halfopen.simulator.strategies.transient import is_transient
from halfopen.simulator.strategy import Request

RETRIES_MAX: Final = 2
TIMEOUT_S: Final = 600.0
HEEDED_MAX_S: Final = 120.0
_FIRST_S: Final = 0.5
_LONGEST_S: Final = 8.0
_JITTER: Final = 0.25
_FORBIDS: Final = "x-should-retry: false"


class SdkPlan(RetryPlan):
    """One request as an SDK sends it."""

    __slots__ = ("_entropy",)

    def __init__(self, request: Request, entropy: Entropy) -> None:
        """Nothing happens before `Arrived`."""
        super().__init__(request, TIMEOUT_S)
        self._entropy = entropy

    def again(self, fault: Fault, now: float) -> Again | None:
        """The next call, at the same target."""
        begun = self.request.stream and self.has_head
        if self.retries >= RETRIES_MAX or begun or not is_transient(fault) or _FORBIDS in fault.evidence:
            return None
        asked_s = fault.delay_s
        if asked_s is not None and asked_s > HEEDED_MAX_S:
            return None
        if asked_s:
            return Again(now + asked_s)
        delay_s = min(_FIRST_S * 2.0**self.retries, _LONGEST_S)
        return Again(now + delay_s * (1.0 - _JITTER * self._entropy()))


class Sdk(Lineless):
    """The strategy `sdk`."""

    __slots__ = ("_entropy", "name")

    def __init__(self, entropy: Entropy) -> None:
        """Requests share nothing but the source of randomness."""
        self.name = "sdk"
        self._entropy = entropy

    def plan(self, request: Request, now: float) -> SdkPlan:  # noqa: ARG002 - the protocol's signature
        """The plan of one request."""
        return SdkPlan(request, self._entropy)


def make_sdk(targets: Sequence[Target], entropy: Entropy, now: float) -> Sdk:  # noqa: ARG001 - as above
    """A fresh strategy for a run."""
    return Sdk(entropy)

"""Which part of the providers' rate limits a worker keeps to, with or without word from control.

Rules
1. A worker that starts takes an even part. One that takes the place of another takes a tenth of that, as
   the others may have what its predecessor had; without word from control, the even part after 3 s.
2. What control says holds. When control falls silent the last word stays; where other machines are
   involved, no more than the part that they count on then.
"""

from collections.abc import Mapping

from halfopen.app.processes.child import WorkerOrders
from halfopen.app.processes.messages import Shares
from halfopen.policy.sharing import EVEN_PART, GONE_S

SILENT_S = 2.5
"""Control speaks about once a second; other machines take over 3 s after it fell silent."""


class PacingShare:
    """One worker's."""

    def __init__(self, told: WorkerOrders, now: float) -> None:
        """Nothing was heard from control so far."""
        even = 1.0 / (told.workers * told.replicas)
        is_careful = told.again and told.workers > 1
        self.first = even * EVEN_PART if is_careful else even
        """What to keep to at the start, of every provider's limits."""
        self._even = even
        self._heard_at = now
        self._message: Shares | None = None
        self._is_settled = not is_careful
        """Whether silence changes nothing more."""

    def told(self, message: Shares, now: float) -> Mapping[str, float]:
        """Control's word: the parts to keep to from now on, by provider."""
        self._heard_at, self._message, self._is_settled = now, message, False
        return message.shares

    def unheard(self, now: float, providers: Mapping[str, object]) -> Mapping[str, float] | None:
        """The parts to keep to after a long silence; None: no others than now."""
        silent_s = now - self._heard_at
        message = self._message
        if self._is_settled or silent_s < (GONE_S if message is None else SILENT_S):
            return None
        self._is_settled = True
        if message is None:
            return dict.fromkeys(providers, self._even)
        return {name: min(part, message.alone.get(name, part)) for name, part in message.shares.items()}

"""What this process asks of each provider whose rate limits are known, so that they can be shared."""

from halfopen.gateway.runtime import Runtime

_TOKENS = 1000.0
"""Of a waiting request, as long as none has gone out."""


class Asked:
    """Tokens a second, by provider. Look about once a second."""

    def __init__(self, now: float) -> None:
        """Nothing was asked so far. `now`: monotonic seconds."""
        self._looked_at = now
        self._taken: dict[str, tuple[int, float]] = {}

    def rates(self, runtime: Runtime, now: float) -> dict[str, float]:
        """What has been asked since the last look, and what waits for its turn.

        A call counts as one token more than it takes: a provider may limit requests only.
        """
        taken: dict[str, tuple[int, float]] = {}
        for each in runtime.known.values():
            provider = each.state.target.provider
            calls, tokens = taken.get(provider, (0, 0.0))
            for account in each.state.accounts:
                calls += account.pacer.calls
                tokens += account.pacer.tokens
            taken[provider] = calls, tokens
        passed_s = max(now - self._looked_at, 0.1)
        waiting = _waiting(runtime)
        rates = {}
        for provider, (calls, tokens) in taken.items():
            calls_before, tokens_before = self._taken.get(provider, (0, 0.0))
            if calls < calls_before:  # another snapshot began anew
                calls_before, tokens_before = 0, 0.0
            asked = (calls - calls_before) + (tokens - tokens_before)
            mean = 1 + (tokens / calls if calls else _TOKENS)
            rates[provider] = (asked + waiting.get(provider, 0) * mean) / passed_s
        self._looked_at, self._taken = now, taken
        return rates


def _waiting(runtime: Runtime) -> dict[str, int]:
    """Requests in line, by the provider of their first choice."""
    waiting: dict[str, int] = {}
    for route in runtime.relays.values():
        if len(route.line):
            provider = route.states[0].target.provider
            waiting[provider] = waiting.get(provider, 0) + len(route.line)
    return waiting

"""What a worker has found out that others should know, and what they have: refused keys, broken targets.

Rules
1. A key that another process parked is parked here until then; one that it may use again, is usable.
2. A breaker that opened elsewhere makes this one open by one failure of its own. It opens none: one
   machine with a broken way to the provider must not cut off all others.
3. What holds on is said again every 10 s, so that who comes later learns of it, and a warning that is
   not said again ends after 30 s.
4. What was learned from others is not told as one's own.
"""

from collections.abc import Callable

from halfopen.app.processes.messages import BreakerNews, Message, Parked
from halfopen.errors import make
from halfopen.gateway.runtime import Runtime
from halfopen.model import Kind
from halfopen.policy import Credential
from halfopen.policy.breaker import BreakerState

LOOK_EVERY_S = 0.2
AGAIN_S = 10.0
WARNED_S = 30.0
_LATER_S = 0.5
"""A park that ends no more than this later is no news."""


class News:
    """One worker's."""

    def __init__(self, send: Callable[[Message], bool]) -> None:
        """`send` tells control; false: it could not be told."""
        self._send = send
        self._parked: dict[tuple[str, str], tuple[float, float]] = {}
        """Until when each key is parked, and when that is to be told again."""
        self._open: dict[str, float] = {}
        """When to tell again that a breaker is not closed."""

    def look(self, runtime: Runtime, now: float) -> None:
        """Tell what has changed."""
        for provider, credentials in runtime.credentials.items():
            for key, credential in zip(keys_of(runtime, provider), credentials, strict=True):
                self._look_at_key(provider, key, credential, now)
        for name, known in runtime.known.items():
            breaker = known.state.breaker
            if breaker.state(now) is not BreakerState.CLOSED:
                if now >= self._open.get(name, now) and self._send(BreakerNews(name, is_open=True)):
                    self._open[name] = now + AGAIN_S
            elif name in self._open and self._send(BreakerNews(name, is_open=False)):
                del self._open[name]

    def heard(self, runtime: Runtime, message: Parked | BreakerNews, now: float) -> None:
        """Another process found this out."""
        if isinstance(message, BreakerNews):
            known = runtime.known.get(message.target)
            if known is not None:
                known.state.breaker.warn(now + WARNED_S if message.is_open else now)
            return
        for key, credential in zip(
            keys_of(runtime, message.provider), runtime.credentials.get(message.provider, ()), strict=False
        ):
            if key == message.key:
                self._hear_of_key(message, credential, now)

    def _look_at_key(self, provider: str, key: str, credential: Credential, now: float) -> None:
        until, again_at = self._parked.get((provider, key), (now, now))
        if credential.fault is None:
            if (provider, key) in self._parked and self._send(Parked(provider, key, "", 0.0)):
                del self._parked[provider, key]
            return
        parked_until = credential.parked_until
        is_news = parked_until > until + _LATER_S or (parked_until > now >= again_at)
        if is_news and self._send(Parked(provider, key, credential.fault.kind.value, parked_until - now)):
            self._parked[provider, key] = parked_until, now + AGAIN_S

    def _hear_of_key(self, message: Parked, credential: Credential, now: float) -> None:
        name = message.provider, message.key
        if message.left_s <= 0:
            credential.told_usable()
            self._parked.pop(name, None)
            return
        try:
            fault = make(Kind(message.kind), "another process was refused")
        except ValueError:  # of another version
            return
        credential.told(fault, now + message.left_s, now)
        if credential.fault is not None:
            # Somebody else's to tell again, unless it is refused here as well.
            self._parked[name] = credential.parked_until, float("inf")


def keys_of(runtime: Runtime, provider: str) -> tuple[str, ...]:
    """The references of a provider's keys, one for each credential."""
    known = runtime.providers.get(provider)
    return () if known is None else (known.spec.keys or ("",))

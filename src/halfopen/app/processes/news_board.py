"""What is known now of refused keys and broken targets, for workers that come later."""

from typing import Final

from halfopen.app.processes.messages import BreakerNews, Parked

WARNED_S: Final = 30.0
"""A broken target that nobody speaks of for so long is forgotten."""
KEPT_MAX: Final = 10_000


class NewsBoard:
    """Control's."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._parked: dict[tuple[str, str], tuple[str, float]] = {}
        self._open: dict[str, float] = {}

    def note(self, message: Parked | BreakerNews, now: float) -> None:
        """Somebody found this out."""
        if isinstance(message, BreakerNews):
            self._open.pop(message.target, None)
            if message.is_open and len(self._open) < KEPT_MAX:
                self._open[message.target] = now + WARNED_S
            return
        name = message.provider, message.key
        self._parked.pop(name, None)
        if message.left_s > 0 and len(self._parked) < KEPT_MAX:
            self._parked[name] = message.kind, now + message.left_s

    def current(self, now: float) -> list[Parked | BreakerNews]:
        """What holds now."""
        self._parked = {name: each for name, each in self._parked.items() if each[1] > now}
        self._open = {target: until for target, until in self._open.items() if until > now}
        parked = [
            Parked(provider, key, kind, until - now)
            for (provider, key), (kind, until) in self._parked.items()
        ]
        return [*parked, *(BreakerNews(target, is_open=True) for target in self._open)]

"""How fast a waiting line moves.

Rules
1. Time counts only while somebody waits: an idle line is not a slow one.
2. The speed is that of the last 17 takes. It is known from the fifth take on, and until 30 s after the
   last one: after that nobody can say when the line will move again. Until then silence counts, too, so
   that the speed falls while a line stalls.
3. A line of unknown speed is taken to move once a second, or once in as long as it has not moved.

So an estimate follows a change within 17 takes, be they seconds or milliseconds apart.
"""

from collections import deque

_TAKES_KEPT = 17
_TAKES_KNOWN = 5
_FRESH_S = 30.0


class LineSpeed:
    """The last takes, by a clock that runs only while somebody waits."""

    __slots__ = ("_last_at", "_since", "_takes", "_waited_s")

    def __init__(self) -> None:
        """Nobody waits, and nothing is known."""
        self._waited_s = 0.0
        self._since: float | None = None
        self._takes: deque[float] = deque(maxlen=_TAKES_KEPT)
        self._last_at = float("-inf")

    def start(self, now: float) -> None:
        """The first one waits."""
        self._since = now

    def stop(self, now: float) -> None:
        """Nobody waits any more."""
        self._waited_s = self._clock_s(now)
        self._since = None

    def took(self, now: float) -> None:
        """One who waited has taken room."""
        self._takes.append(self._clock_s(now))
        self._last_at = now

    def known(self, now: float) -> float | None:
        """Takes a second; None: too little is known, or it is too old."""
        if len(self._takes) < _TAKES_KNOWN or now - self._last_at > _FRESH_S:
            return None
        span_s = self._clock_s(now) - self._takes[0]
        return (len(self._takes) - 1) / span_s if span_s > 0 else None

    def assumed(self, now: float) -> float:
        """Takes a second, by what is known or a guess."""
        known = self.known(now)
        if known is not None:
            return known
        silent_s = self._clock_s(now) - (self._takes[-1] if self._takes else 0.0)
        return 1.0 / max(1.0, silent_s)

    def _clock_s(self, now: float) -> float:
        return self._waited_s if self._since is None else self._waited_s + max(0.0, now - self._since)

"""Whether a stream whose content has begun still moves: the stall timer and the throughput floor.

Rules
1. Only content moves the stall timer; pings and empty events do not.
2. A stream is a drip when it brought fewer tokens than the floor in two windows in a row. One slow
   window may be a pause; an endless drip has nothing but slow ones.
3. Tokens are estimated as the greater of content events and characters / 4.
"""

from typing import Final

from halfopen.model import TransportError
from halfopen.policy.options import JourneyOptions

_CHARS_PER_TOKEN: Final = 4
_SLOW_WINDOWS: Final = 2


class Pace:
    """Watches one stream from its first content on."""

    __slots__ = ("_chars", "_last", "_options", "_pieces", "_slow", "_stream_until", "_window_until")

    def __init__(self, options: JourneyOptions, stream_until: float, now: float) -> None:
        """The first content came at `now`; whatever comes, the stream is over at `stream_until`."""
        self._options = options
        self._last = now
        self._stream_until = stream_until
        self._window_until = now + options.floor_window_s
        self._pieces = 0
        self._chars = 0
        self._slow = 0

    def progress(self, chars: int, now: float) -> None:
        """Content of `chars` characters came."""
        self._last = now
        self._pieces += 1
        self._chars += chars

    @property
    def wake_at(self) -> float:
        """When to call `check` next. Content may move it later, never earlier."""
        until = min(self._last + self._options.stall_s, self._stream_until)
        return min(until, self._window_until) if self._options.min_tokens_s > 0 else until

    def check(self, now: float) -> TransportError | None:
        """Why the stream is to be given up, or None."""
        if now >= self._stream_until:
            return TransportError.STREAM_TOO_LONG
        if now >= self._last + self._options.stall_s:
            return TransportError.STALLED
        if self._options.min_tokens_s > 0 and now >= self._window_until:
            tokens = max(self._pieces, self._chars // _CHARS_PER_TOKEN)
            slow = tokens < self._options.min_tokens_s * self._options.floor_window_s
            self._slow = self._slow + 1 if slow else 0
            self._pieces = self._chars = 0
            self._window_until = now + self._options.floor_window_s
            if self._slow >= _SLOW_WINDOWS:
                return TransportError.DRIPPING
        return None

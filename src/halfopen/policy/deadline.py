"""How long one request may take.

Rules
1. A plain answer, or a stream's first content, is due `deadline_s` after the request came.
2. When a stream breaks after its content has begun, finding another gets `deadline_s` anew, so that
   an answer that was cut after minutes is still rescued. `stream_s` after the request came all is over.
3. With less than a second left, or a twentieth, no call starts: it would only waste the target's work.
"""

from halfopen.policy.options import JourneyOptions

_LEFT_MIN_S = 1.0
_LEFT_MIN_SHARE = 0.05


class Deadline:
    """One request's bound. Times are the driver's monotonic seconds."""

    __slots__ = ("_options", "_stream", "arrived", "at", "last_start", "span_s")

    def __init__(self, options: JourneyOptions, *, stream: bool) -> None:
        """Begins with `begin`."""
        self._options = options
        self._stream = stream
        self.arrived = 0.0
        self.at = float("inf")
        """When the request, or the search for another target, is over."""
        self.last_start = float("inf")
        """From then on no call starts."""
        self.span_s = min(options.deadline_s, options.stream_s) if stream else options.deadline_s
        """How long the whole way to the first content may be."""

    def begin(self, now: float) -> None:
        """The request has come."""
        self.arrived = now
        self.renew(now)

    def renew(self, now: float) -> None:
        """A stream broke after its content had begun."""
        self.at = now + self._options.deadline_s
        if self._stream:
            self.at = min(self.at, self.arrived + self._options.stream_s)
        self.last_start = self.at - min(_LEFT_MIN_S, _LEFT_MIN_SHARE * self.span_s)

    def left_s(self, now: float) -> float:
        """Seconds that are left."""
        return self.at - now

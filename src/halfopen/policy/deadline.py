"""How long one request may take.

Rules
1. A plain answer, or a stream's first content, is due `deadline_s` after the request came.
2. When a stream breaks after its content has begun, finding another gets `deadline_s` anew, so that
   an answer that was cut after minutes is still rescued. `stream_s` after the request came all is over.
3. A caller that is known to leave sooner makes both shorter.
4. With less than a second left, or a twentieth, no call starts: it would only waste the target's work.
"""

from halfopen.policy.options import JourneyOptions

_FOR_EVER = float("inf")
_LEFT_MIN_S = 1.0
_LEFT_MIN_SHARE = 0.05


class Deadline:
    """One request's bound. Times are the driver's monotonic seconds."""

    __slots__ = ("_deadline_s", "_stream", "_stream_s", "arrived", "at", "last_start", "span_s")

    def __init__(self, options: JourneyOptions, *, stream: bool, patience_s: float | None = None) -> None:
        """Begins with `begin`. The caller leaves after `patience_s`, if that is known."""
        patient_s = _FOR_EVER if patience_s is None else max(patience_s, 0.0)
        self._deadline_s = min(options.deadline_s, patient_s)
        self._stream_s = min(options.stream_s, patient_s)
        self._stream = stream
        self.arrived = 0.0
        self.at = float("inf")
        """When the request, or the search for another target, is over."""
        self.last_start = float("inf")
        """From then on no call starts."""
        self.span_s = min(self._deadline_s, self._stream_s) if stream else self._deadline_s
        """How long the whole way to the first content may be."""

    def begin(self, now: float) -> None:
        """The request has come."""
        self.arrived = now
        self.renew(now)

    def renew(self, now: float) -> None:
        """A stream broke after its content had begun."""
        self.at = now + self._deadline_s
        if self._stream:
            self.at = min(self.at, self.stream_until)
        self.last_start = self.at - min(_LEFT_MIN_S, _LEFT_MIN_SHARE * self.span_s)

    @property
    def stream_until(self) -> float:
        """When a stream is over, whatever it brings."""
        return self.arrived + self._stream_s

    def left_s(self, now: float) -> float:
        """Seconds that are left."""
        return self.at - now

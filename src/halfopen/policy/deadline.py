"""How long one request may take.

Rules
1. A plain answer, or a stream's first content, is due `deadline_s` after the request came.
2. When a stream breaks after its content has begun, finding another gets `deadline_s` anew, so that
   an answer that was cut after minutes is still rescued. `stream_s` after the request came all is over.
3. A caller that is known to leave sooner makes both shorter.
4. With less than a second left, or a twentieth, no call starts: it would only waste the target's work.
"""

from typing import Final

from halfopen.policy.never import NEVER
from halfopen.policy.options import JourneyOptions

_LEFT_MIN_S: Final = 1.0
_LEFT_MIN_SHARE: Final = 0.05
_LONG_S = _LEFT_MIN_S / _LEFT_MIN_SHARE


class Deadline:
    """One request's bound. Times are the driver's monotonic seconds."""

    __slots__ = ("_deadline_s", "_stream", "_stream_s", "arrived", "at", "last_start", "span_s")

    def __init__(
        self,
        options: JourneyOptions,
        stream: bool,  # noqa: FBT001 - once a request: a name would cost as much as all the rest
        patience_s: float | None = None,
    ) -> None:
        """Begins with `begin`. The caller leaves after `patience_s`, if that is known."""
        deadline_s, stream_s = options.deadline_s, options.stream_s
        if patience_s is not None:
            if patience_s < deadline_s:
                deadline_s = max(patience_s, 0.0)
            if patience_s < stream_s:
                stream_s = max(patience_s, 0.0)
        self._deadline_s = deadline_s
        self._stream_s = stream_s
        self._stream = stream
        self.arrived = 0.0
        self.at = NEVER
        """When the request, or the search for another target, is over."""
        self.last_start = NEVER
        """From then on no call starts."""
        self.span_s = stream_s if stream and stream_s < deadline_s else deadline_s
        """How long the whole way to the first content may be."""

    def begin(self, now: float) -> None:
        """The request has come."""
        span_s = self.span_s
        self.arrived = now
        self.at = at = now + span_s
        self.last_start = at - (_LEFT_MIN_S if span_s >= _LONG_S else _LEFT_MIN_SHARE * span_s)

    def renew(self, now: float) -> None:
        """A stream broke after its content had begun."""
        span_s, at = self.span_s, now + self._deadline_s
        self.at = at = min(at, self.stream_until) if self._stream else at
        self.last_start = at - (_LEFT_MIN_S if span_s >= _LONG_S else _LEFT_MIN_SHARE * span_s)

    @property
    def stream_until(self) -> float:
        """When a stream is over, whatever it brings."""
        return self.arrived + self._stream_s

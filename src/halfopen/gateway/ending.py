"""Streams near their end: what may still come is waited for, but not for long.

After the finish evidence token counts and `[DONE]` follow at once, or never: some servers leave the
stream open. So the stream is taken to end a few seconds after its finish.

A stream is over with its last event; the last chunk of the HTTP response comes with it or a moment
later. The connection is worth that moment, since it can be used again, but no more: some upstreams
never end, and nobody else looks after the call any more.
"""

from typing import Protocol

from halfopen.gateway.timers import Wheel

_ENDING_S = 0.5
_FINISH_S = 5.0


class Ending(Protocol):
    """A call, as far as its end is concerned."""

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        ...

    def cancel(self) -> None:
        """Give it up and close its connection."""

    def resume(self) -> None:
        """Read on, if reading was paused for the client's sake."""


def let_end(call: Ending, wheel: Wheel, now: float) -> None:
    """Give the response of `call` half a second to end."""
    if not call.over:
        call.resume()
        wheel.set(_Watch(call, now + _ENDING_S))


class Finishing(Protocol):
    """A response whose finish evidence has come."""

    def take_as_ended(self) -> None:
        """Treat the body as ended, if it has not by now."""


def let_finish(response: Finishing, wheel: Wheel, now: float, stall_s: float) -> "FinishWatch":
    """Give what follows the finish evidence a moment, well within the stall timer."""
    watch = FinishWatch(response, now + min(_FINISH_S, stall_s / 2))
    wheel.set(watch)
    return watch


class FinishWatch:
    """The timer of a stream that has finished but not ended. Take it from the wheel when it ends."""

    __slots__ = ("_response", "wake_at", "wheel_slot")

    def __init__(self, response: Finishing, wake_at: float) -> None:
        """Ends the response at `wake_at`."""
        self._response = response
        self.wake_at = wake_at
        self.wheel_slot = 0

    def on_timer(self, now: float) -> None:  # noqa: ARG002 - the wheel's signature
        """The moment is over."""
        self._response.take_as_ended()


class _Watch:
    __slots__ = ("_call", "wake_at", "wheel_slot")

    def __init__(self, call: Ending, wake_at: float) -> None:
        self._call = call
        self.wake_at = wake_at
        self.wheel_slot = 0

    def on_timer(self, now: float) -> None:  # noqa: ARG002 - the wheel's signature
        self._call.cancel()

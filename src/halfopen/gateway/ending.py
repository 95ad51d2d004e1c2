"""Calls whose answer is whole but whose response has not ended.

A stream is over with its last event; the last chunk of the HTTP response comes with it or a moment
later. The connection is worth that moment, since it can be used again, but no more: some upstreams
never end, and nobody else looks after the call any more.
"""

from typing import Protocol

from halfopen.gateway.timers import Wheel

_ENDING_S = 0.5


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


class _Watch:
    __slots__ = ("_call", "wake_at", "wheel_slot")

    def __init__(self, call: Ending, wake_at: float) -> None:
        self._call = call
        self.wake_at = wake_at
        self.wheel_slot = 0

    def on_timer(self, now: float) -> None:  # noqa: ARG002 - the wheel's signature
        self._call.cancel()

"""Keeps a stream's connection alive while the client has nothing to read.

The first sign of life fixes the status of the response, so that a later failure can only be an event
in the stream. So it comes late, when a proxy on the way would soon give the connection up.
"""

from collections.abc import Callable

from halfopen.gateway.delivery import Delivery
from halfopen.gateway.responder import Headers
from halfopen.gateway.timers import Wheel
from halfopen.policy import JourneyOptions


def keep_alive(
    delivery: Delivery, headers: Callable[[], Headers], wheel: Wheel, options: JourneyOptions, now: float
) -> "KeepAlive | None":
    """The timer of a stream that begins now, set; None: the route wants none."""
    if not options.keepalive_after_s:
        return None
    return KeepAlive(
        delivery,
        headers,
        wheel,
        first_at=now + options.keepalive_after_s,
        every_s=options.keepalive_every_s,
    )


class KeepAlive:
    """The timer of one streamed answer. Take it from the wheel when the answer ends."""

    __slots__ = ("_delivery", "_every_s", "_headers", "_wheel", "_writes", "wake_at", "wheel_slot")

    def __init__(
        self,
        delivery: Delivery,
        headers: Callable[[], Headers],
        wheel: Wheel,
        *,
        first_at: float,
        every_s: float,
    ) -> None:
        """Sends a sign of life at `first_at` if nothing was sent by then, and so on every `every_s`."""
        self._delivery = delivery
        self._headers = headers
        self._wheel = wheel
        self._every_s = every_s
        self._writes = 0
        self.wake_at = first_at
        self.wheel_slot = 0
        wheel.set(self)

    def on_timer(self, now: float) -> None:
        """Look whether anything was sent since the last time."""
        delivery = self._delivery
        if delivery.writes == self._writes:
            delivery.ping(self._headers())
        self._writes = delivery.writes
        self.wake_at = now + self._every_s
        self._wheel.set(self)

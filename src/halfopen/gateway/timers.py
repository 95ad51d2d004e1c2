"""A timer wheel: one timer of the loop serves every request and connection.

Rules
1. Setting, moving and removing a timer is O(1); a timer that moves later costs nothing until its
   old time comes.
2. It fires at most one tick late and never early.

Source: G. Varghese and T. Lauck, "Hashed and hierarchical timing wheels", SOSP 1987.
"""

import asyncio
import logging
from typing import Final, Protocol

from halfopen.policy.never import NEVER

_LOG = logging.getLogger("halfopen.gateway")
TICK_S: Final = 0.01


class Timed(Protocol):
    """Something that wants to be woken."""

    wake_at: float
    """Monotonic seconds; infinity: not at all."""
    wheel_slot: int
    """Kept by the wheel; 0 at first."""

    def on_timer(self, now: float) -> None:
        """`wake_at` has passed."""


class Wheel:
    """Wakes what is due. One for each event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Uses the loop's own monotonic clock."""
        self._loop = loop
        # Each slot keeps the order in which its timers were set.
        self._slots: dict[int, dict[Timed, None]] = {}
        self._handle: asyncio.TimerHandle | None = None
        self._done = int(loop.time() / TICK_S)

    def set(self, timed: Timed) -> None:
        """Take note of `timed.wake_at`. Call it whenever that has changed."""
        wake_at = timed.wake_at
        if wake_at == NEVER:
            return  # an old entry, if any, fires into nothing
        slot = max(int(wake_at / TICK_S) + 1, self._done + 1)
        if timed.wheel_slot:
            if timed.wheel_slot <= slot:
                return  # it is looked at before then, and set again
            self._discard(timed)
        timed.wheel_slot = slot
        entries = self._slots.get(slot)
        if entries is None:
            self._slots[slot] = {timed: None}
        else:
            entries[timed] = None
        if self._handle is None:
            self._done = int(self._loop.time() / TICK_S)
            self._handle = self._loop.call_later(TICK_S, self._tick)

    def remove(self, timed: Timed) -> None:
        """Forget it."""
        if timed.wheel_slot:
            self._discard(timed)

    def __len__(self) -> int:
        """Timers that are set."""
        return sum(len(entries) for entries in self._slots.values())

    def _discard(self, timed: Timed) -> None:
        entries = self._slots.get(timed.wheel_slot)
        if entries is not None:
            entries.pop(timed, None)
            if not entries:
                del self._slots[timed.wheel_slot]
        timed.wheel_slot = 0

    def _wake(self, timed: Timed, now: float) -> None:
        """Wake one. A defect in it must not keep the others asleep for ever."""
        try:
            timed.on_timer(now)
        except Exception:  # noqa: BLE001 - the edge: the wheel serves everybody
            _LOG.exception("a timer failed by a defect in the gateway")

    def _tick(self) -> None:
        now = self._loop.time()
        current = int(now / TICK_S)
        if current - self._done > len(self._slots):
            due = sorted(slot for slot in self._slots if slot <= current)
        else:
            due = [slot for slot in range(self._done + 1, current + 1) if slot in self._slots]
        self._done = current
        for slot in due:
            for timed in self._slots.pop(slot, {}):
                if timed.wheel_slot != slot:
                    continue  # removed or moved by one that was woken before it
                timed.wheel_slot = 0
                if timed.wake_at <= now:
                    self._wake(timed, now)
                else:
                    self.set(timed)
        self._handle = self._loop.call_later(TICK_S, self._tick) if self._slots else None

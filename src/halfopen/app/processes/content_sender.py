"""The sink of what a worker's requests said: sends it to control beside their outcomes, never in their way.

Rules
1. What waits is bounded in bytes; the oldest goes first, and is counted.
2. It is sent only while control has taken nearly everything before it, and no outcome waits; so what
   outcomes may have to wait behind is bounded as well.
3. While outcomes wait for control in great numbers, all of this is given up: control has no time for it.
4. It is sent once. What is on its way when control dies is lost, and only that.
"""

import asyncio
from collections import deque
from typing import Final

import msgspec

from halfopen.app.processes.frames import frame
from halfopen.app.processes.link import ControlLink
from halfopen.app.processes.messages import Contents
from halfopen.app.processes.outcome_sender import OutcomeSender
from halfopen.model.content import Content

FLUSH_S: Final = 0.1
"""Content is sent at most this much later, if control takes it."""
FRAME_BYTES: Final = 192 * 1024
"""About as much goes in one message, so that outcomes need not wait long behind it."""
AHEAD_MAX_BYTES: Final = 64 * 1024
"""What control may not have taken yet. More than the outcomes of a busy tenth of a second."""
WAITING_MAX_BYTES: Final = 4 * 1024 * 1024
"""Of what waits to be sent."""


class ContentSender:
    """Takes content of requests that are over. One for each worker."""

    def __init__(self, link: ControlLink, loop: asyncio.AbstractEventLoop, outcomes: OutcomeSender) -> None:
        """Sends nothing yet.

        Args:
            link: To control.
            loop: Where it runs.
            outcomes: Who goes first on this link.
        """
        self._link = link
        self._loop = loop
        self._outcomes = outcomes
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self.dropped = 0
        """Requests whose content was given up before it could be sent."""

    @property
    def waiting_bytes(self) -> int:
        """What waits to be sent."""
        return self._waiting_bytes

    def add(self, content: Content, /) -> None:
        """What one request said."""
        if self._outcomes.is_behind:
            self.dropped += 1
            return
        data = msgspec.msgpack.encode(content)
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        while self._waiting_bytes > WAITING_MAX_BYTES:
            self._waiting_bytes -= len(self._waiting.popleft())
            self.dropped += 1
        if self._timer is None:
            self._timer = self._loop.call_later(FLUSH_S, self._flush_by_timer)

    def flush(self) -> None:
        """Send what control takes now."""
        if self._waiting and self._outcomes.is_behind:
            self.dropped += len(self._waiting)
            self._waiting.clear()
            self._waiting_bytes = 0
        if self._outcomes.is_held_up or self._link.unsent_bytes > AHEAD_MAX_BYTES:
            return
        rows, size_bytes = self._next()
        if not rows or not self._link.send_frame(frame(Contents(rows))):
            return
        for _ in rows:
            self._waiting.popleft()
        self._waiting_bytes -= size_bytes

    def close(self) -> None:
        """Send nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _flush_by_timer(self) -> None:
        self._timer = None
        self.flush()
        if self._waiting:
            self._timer = self._loop.call_later(FLUSH_S, self._flush_by_timer)

    def _next(self) -> tuple[list[msgspec.Raw], int]:
        """What goes in the next message, and its bytes."""
        rows: list[msgspec.Raw] = []
        size_bytes = 0
        for data in self._waiting:
            if rows and size_bytes + len(data) > FRAME_BYTES:
                break
            rows.append(msgspec.Raw(data))
            size_bytes += len(data)
        return rows, size_bytes

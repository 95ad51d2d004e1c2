"""Pages that change while somebody looks, by server-sent events.

Rules
1. A view is made once for all who look at it, about once a second, and only while somebody does.
2. It is sent when it differs from what was sent before. Who reads slowly gets the latest, not all of them.
3. Making it takes at most a fifth of the time: a store that answers slowly is asked less often.
4. A stream ends after a while, so that the browser connects again and shows its cookie again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from halfopen.web.view import Shown

EVERY_S: Final = 1.0
LISTENERS_MAX: Final = 64
ALIVE_S: Final = 15.0
"""Between two comments on a stream on which nothing happens."""
LASTS_S: Final = 900.0
_PAUSE_FACTOR: Final = 4.0
_FIRST: Final = b"retry: 1000\n\n"
_ALIVE: Final = b": alive\n\n"
_HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)

_log = logging.getLogger(__name__)


class _Listener:
    """Somebody who looks, and what is to be sent next."""

    __slots__ = ("gone", "next", "told")

    def __init__(self) -> None:
        self.gone = False
        self.next: bytes | None = None
        self.told = asyncio.Event()

    def offer(self, message: bytes) -> None:
        self.next = message
        self.told.set()

    def end(self) -> None:
        self.gone = True
        self.told.set()


class _Watched:
    """A view that somebody looks at."""

    __slots__ = ("last", "listeners", "task")

    def __init__(self) -> None:
        self.last: bytes | None = None
        self.listeners: set[_Listener] = set()
        self.task: asyncio.Task[None] | None = None


class Live:
    """Everybody who looks."""

    def __init__(
        self,
        show: Callable[[str], Awaitable[Shown]],
        *,
        every_s: float = EVERY_S,
        listeners_max: int = LISTENERS_MAX,
        lasts_s: float = LASTS_S,
    ) -> None:
        """Nobody looks yet.

        Args:
            show: Makes a view, named by its path and query.
            every_s: Between two looks at what has changed.
            listeners_max: So many may look at once.
            lasts_s: A stream ends after so long.
        """
        self._show = show
        self._every_s = every_s
        self._listeners_max = listeners_max
        self._lasts_s = lasts_s
        self._watched: dict[str, _Watched] = {}
        self._closed = False

    @property
    def listeners(self) -> int:
        """How many look."""
        return sum(len(each.listeners) for each in self._watched.values())

    @property
    def is_full(self) -> bool:
        """Whether nobody else may look now."""
        return self._closed or self.listeners >= self._listeners_max

    def stream(self, view: str) -> "LiveStream":
        """The answer that streams one view: as it is now, and whenever it changes."""
        return LiveStream(self, view)

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        for watched in self._watched.values():
            for listener in watched.listeners:
                listener.end()

    async def send(self, view: str, receive: Receive, send: Send) -> None:
        """Send a view until the client goes, or long enough."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._lasts_s
        listener = self._join(view)
        leaving = loop.create_task(_until_gone(receive, listener))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            await send({"type": "http.response.body", "body": _FIRST, "more_body": True})
            while not listener.gone and (left_s := until - loop.time()) > 0.0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(ALIVE_S, left_s)):
                        await listener.told.wait()
                listener.told.clear()
                message, listener.next = listener.next, None
                body = _ALIVE if message is None else message
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            leaving.cancel()
            self._leave(view, listener)

    def _join(self, view: str) -> _Listener:
        watched = self._watched.get(view)
        if watched is None:
            watched = self._watched[view] = _Watched()
            watched.task = asyncio.get_running_loop().create_task(self._follow(view, watched))
        listener = _Listener()
        if watched.last is not None:
            listener.offer(watched.last)
        watched.listeners.add(listener)
        return listener

    def _leave(self, view: str, listener: _Listener) -> None:
        watched = self._watched[view]
        watched.listeners.discard(listener)
        if not watched.listeners:
            del self._watched[view]
            assert watched.task is not None
            watched.task.cancel()

    async def _follow(self, view: str, watched: _Watched) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                message = b"event: view\ndata: %b\n\n" % msgspec.json.encode(await self._show(view))
            except Exception:  # noqa: BLE001 - a defect in one view must not end its streams: the next look may succeed
                _log.exception("%s can't be shown", view)
            else:
                if message != watched.last:
                    watched.last = message
                    for listener in watched.listeners:
                        listener.offer(message)
            await asyncio.sleep(max(self._every_s, _PAUSE_FACTOR * (loop.time() - began)))


class LiveStream:
    """An answer that goes on while its client looks."""

    def __init__(self, live: Live, view: str) -> None:
        """`view`: its path and query."""
        self._live = live
        self._view = view

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send it."""
        # A client that has gone makes `send` fail.
        with suppress(OSError):
            await self._live.send(self._view, receive, send)


async def _until_gone(receive: Receive, listener: _Listener) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.end()

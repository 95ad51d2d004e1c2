"""The dashboard in a thread of its own, so that a browser can look at it while the test goes on."""

import asyncio
import threading
import time
from typing import Any

from halfopen.lab.ports import free_port
from halfopen.web.access import Access
from halfopen.web.application import Application
from halfopen.web.assets import Assets
from halfopen.web.server import Server, listening

START_S = 10.0


class Site:
    """A running dashboard."""

    def __init__(
        self, seen: Any, *, token: str | None = None, assets: Assets | None = None, port: int = 0
    ) -> None:
        self.seen = seen
        self.port = port or free_port()
        self._token = token
        self._assets = assets
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.application: Application | None = None

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Site":
        """Serve from now on."""
        self._thread.start()
        assert self._up.wait(START_S), "the dashboard did not start"
        return self

    def stop(self) -> None:
        """Serve no more."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(START_S)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self.application = Application(self.seen, Access(self._token), assets=self._assets, wall=time.time)
        server = Server(self.application, listening("127.0.0.1", self.port))
        server.start()
        self._up.set()
        await self._end.wait()
        await server.stop()

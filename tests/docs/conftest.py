"""`halfopen run` without a key, on a free port, in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from halfopen.app.configuration import load
from halfopen.app.service import running
from halfopen.lab.fleet import Lab
from halfopen.lab.ports import free_port

START_S = 10.0


@dataclass
class Started:
    """A gateway with the embedded lab behind it."""

    address: str
    lab: Lab


class _Thread(threading.Thread):
    """Serves until told to stop. Clients that block can then be used as the guide uses them."""

    def __init__(self, directory: Path) -> None:
        super().__init__(daemon=True)
        self._directory = directory
        self._end = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self.up = threading.Event()
        self.started: Started | None = None

    def run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self.join(START_S)

    async def _serve(self) -> None:
        loaded = load(None, {}, directory=self._directory)
        gateway = msgspec.structs.replace(loaded.snapshot.gateway, port=free_port())
        loaded = replace(loaded, snapshot=replace(loaded.snapshot, gateway=gateway))
        async with running(loaded, lambda _outcome: None, lambda _text: None) as service:
            assert service.lab is not None
            for provider in service.lab.providers.values():
                provider.pace_s = 0.0  # a test needs not see it stream
            self.started = Started(f"http://127.0.0.1:{service.server.port}", service.lab)
            self.up.set()
            await self._end.wait()


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    """What a reader of the guide has in front of them."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        for each in (name, name.lower()):
            monkeypatch.delenv(each, raising=False)
    thread = _Thread(tmp_path)
    thread.start()
    assert thread.up.wait(START_S), "the gateway did not start"
    assert thread.started is not None
    yield thread.started
    thread.stop()

"""Streams of views: what is sent, how often, to how many."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from halfopen.web.live import Live
from halfopen.web.view import Shown

EVERY_S = 0.01


class Scripted:
    """A view that says what it is told to, and who reads it."""

    def __init__(self) -> None:
        self.text = "first"
        self.made = 0
        self.error: Exception | None = None

    async def show(self, _view: str) -> Shown:
        """As it is now."""
        self.made += 1
        if self.error is not None:
            raise self.error
        return Shown(title="t", health="ok", html=self.text)


class Client:
    """A browser that reads a stream, until it goes."""

    def __init__(self, live: Live, scope_of: Any, view: str = "/") -> None:
        self.sent: list[bytes] = []
        self.gone = asyncio.Event()
        self.reading = asyncio.Event()
        self.reading.set()
        self._live = live
        self._view = view
        self.task = asyncio.ensure_future(live.stream(view)(scope_of("/events"), self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await self.reading.wait()
        self.sent.append(message.get("body", b""))

    @property
    def views(self) -> list[str]:
        """What it was shown."""
        return [
            json.loads(part.partition(b"data: ")[2])["html"]
            for part in self.sent
            if part.startswith(b"event: view")
        ]


async def until(done: Callable[[], Any], most_s: float = 2.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(most_s):
        while not done():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.002)


def run(work: Any) -> None:
    """In a loop of its own."""
    asyncio.run(work)


def test_a_view_is_sent_at_once_and_when_it_changes(scope_of: Any) -> None:
    """And not again while it stays the same."""

    async def go() -> None:
        view = Scripted()
        client = Client(Live(view.show, every_s=EVERY_S), scope_of)
        await until(lambda: client.views == ["first"])
        made = view.made
        await until(lambda: view.made > made + 5)
        assert client.views == ["first"]
        view.text = "second"
        await until(lambda: client.views == ["first", "second"])
        client.gone.set()
        await client.task

    run(go())


def test_a_view_is_made_once_for_all_who_look_and_for_nobody_else(scope_of: Any) -> None:
    """Ten who look cost as much as one; when the last has gone, nothing is made."""

    async def go() -> None:
        view = Scripted()
        live = Live(view.show, every_s=EVERY_S)
        clients = [Client(live, scope_of) for _ in range(10)]
        await until(lambda: all(client.views for client in clients))
        assert view.made < 5
        assert live.listeners == 10
        for client in clients:
            client.gone.set()
        await asyncio.gather(*(client.task for client in clients))
        assert live.listeners == 0
        made = view.made
        await asyncio.sleep(5 * EVERY_S)
        assert view.made <= made + 1

    run(go())


def test_a_slow_reader_gets_the_latest(scope_of: Any) -> None:
    """What it missed is not kept for it."""

    async def go() -> None:
        view = Scripted()
        live = Live(view.show, every_s=EVERY_S)
        slow, quick = Client(live, scope_of), Client(live, scope_of)
        await until(lambda: slow.views and quick.views)
        slow.reading.clear()
        for number in range(20):
            view.text = f"number {number}"
            await until(lambda wanted=view.text: quick.views[-1] == wanted)
        slow.reading.set()
        await until(lambda: slow.views[-1] == "number 19")
        assert len(slow.views) <= 4
        for client in (slow, quick):
            client.gone.set()
            await client.task

    run(go())


def test_a_defect_in_a_view_ends_no_stream(scope_of: Any) -> None:
    """It goes on when the view can be made again."""

    async def go() -> None:
        view = Scripted()
        client = Client(Live(view.show, every_s=EVERY_S), scope_of)
        await until(lambda: client.views)
        view.error = KeyError("a defect")
        made = view.made
        await until(lambda: view.made > made + 2)
        view.error, view.text = None, "mended"
        await until(lambda: client.views[-1] == "mended")
        client.gone.set()
        await client.task

    run(go())


def test_so_many_may_look(application: Any, ask: Any, scope_of: Any) -> None:
    """One more is told to come back; a view that isn't there is no view."""

    async def go() -> None:
        live = Live(Scripted().show, every_s=EVERY_S, listeners_max=2)
        clients = [Client(live, scope_of) for _ in range(2)]
        await until(lambda: live.listeners == 2)
        assert live.is_full
        clients[0].gone.set()
        await clients[0].task
        assert not live.is_full
        live.close()
        await asyncio.wait_for(clients[1].task, 1.0)
        assert live.is_full

    run(go())
    app = application()
    app.live.close()
    answer = ask(app, "/events?view=/")
    assert (answer.status, answer.headers["retry-after"]) == (503, "10")
    assert ask(app, "/events?view=/nothing").status == 404
    assert ask(app, "/events").status == 404


def test_a_stream_ends_so_that_the_cookie_is_shown_again(scope_of: Any) -> None:
    """After its time the answer is whole, and the browser connects again."""

    async def go() -> None:
        live = Live(Scripted().show, every_s=EVERY_S, lasts_s=0.05)
        client = Client(live, scope_of)
        await asyncio.wait_for(client.task, 2.0)
        assert client.views == ["first"]
        assert live.listeners == 0

    run(go())


def test_a_view_that_takes_long_is_made_less_often(scope_of: Any) -> None:
    """Making views takes a fifth of the time at most."""

    async def go() -> None:
        loop = asyncio.get_running_loop()
        busy_s = 0.0

        async def show(_view: str) -> Shown:
            nonlocal busy_s
            began = loop.time()
            await asyncio.sleep(0.03)
            busy_s += loop.time() - began
            return Shown(title="t", health="ok", html="x")

        began = loop.time()
        client = Client(Live(show, every_s=0.001), scope_of)
        await until(lambda: busy_s > 0.09)
        assert busy_s / (loop.time() - began) < 0.4
        client.gone.set()
        await client.task

    run(go())

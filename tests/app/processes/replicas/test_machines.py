"""Two machines and a real Redis: shares, news, and a Redis that freezes and dies."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop

from halfopen.app.processes.link import ControlLink
from halfopen.app.processes.messages import BreakerNews, Gateways, Hello, Message, Parked, Role

pytestmark = pytest.mark.server("redis-server")

Scene = Callable[[Any, Any], Awaitable[None]]
KEY = "${K}"
WHOLE = 1 + 1e-6


@pytest.fixture
def play(text: Any, machine: Any) -> Callable[[Scene], None]:
    """Runs a coroutine function with two machines that have settled: `play(scene)`."""

    def run(scene: Scene) -> None:
        async def main() -> None:
            async with machine(text(), "one", 2) as one, machine(text(), "two", 2) as two:
                await scene(one, two)

        uvloop.run(main())

    return run


async def becomes(condition: Callable[[], bool], most_s: float, *machines: Any) -> float:
    """Wait until something is so; how long that took, in seconds."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not condition():
        state = [(each.held, each.replicas) for each in machines]
        assert loop.time() - began < most_s, f"after {most_s} s: {state}"
        await asyncio.sleep(0.01)
    return loop.time() - began


async def shared(one: Any, two: Any, part: float) -> None:
    """Until the machines have begun and have these parts, and their workers use no more."""

    def is_so() -> bool:
        near = one.held == pytest.approx(part, abs=0.01) and two.held == pytest.approx(1 - part, abs=0.01)
        # Each began with the whole: until then they may use more together.
        return near and one.has_begun and two.has_begun and one.held + two.held <= WHOLE

    await becomes(is_so, 9.0, one, two)


class Supervisor:
    """The supervisor as a machine's control sees it."""

    def __init__(self, machine: Any) -> None:
        self._heard: list[Message] = []
        path, loop = machine.state.socket_path, asyncio.get_running_loop()
        self.link = ControlLink(path, lambda: Hello(Role.SUPERVISOR, 1), self._heard.append, loop)
        self.link.start()

    def heard(self, kind: type) -> list[Message]:
        return [message for message in self._heard if isinstance(message, kind)]


@contextlib.contextmanager
def watched(*machines: Any) -> Any:
    """Never more than the whole is used while this runs."""
    sums: list[float] = []

    async def watch() -> None:
        while True:
            sums.append(sum(machine.held for machine in machines))
            await asyncio.sleep(0.005)

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
    assert sums
    assert max(sums) <= WHOLE


def test_shares_follow_demand(play: Any) -> None:
    """Who asks nine times as much has nearly all, whichever machine it is; never more than the whole together."""

    async def scene(one: Any, two: Any) -> None:
        one.workers[0].demand, two.workers[1].demand = 900.0, 100.0
        await shared(one, two, 0.86)
        with watched(one, two):
            one.workers[0].demand, two.workers[1].demand = 100.0, 900.0
            await shared(one, two, 0.14)
        assert two.workers[1].held["p"] > 0.8, "within a machine by demand as well"

    play(scene)


def test_demand_changes_while_machines_begin(text: Any, machine: Any) -> None:
    """Who knows how many there are begins with its part: never more than the whole, from the first moment on."""

    async def main() -> None:
        both = text(replicas=2)
        async with machine(both, "one", 2, 0.5) as one, machine(both, "two", 2, 0.5) as two:
            with watched(one, two):
                one.workers[0].demand, two.workers[1].demand = 900.0, 100.0
                await becomes(lambda: one.has_begun and two.has_begun, 4.0, one, two)
                one.workers[0].demand, two.workers[1].demand = 100.0, 900.0
                await shared(one, two, 0.14)

    uvloop.run(main())


@pytest.mark.parametrize("how", ["freeze", "kill"])
def test_redis_is_gone(play: Any, redis_server: Any, how: str) -> None:
    """Each machine keeps to half, never more together; status says so; and all is shared again afterwards."""

    async def scene(one: Any, two: Any) -> None:
        one.workers[0].demand, two.workers[0].demand = 900.0, 100.0
        await shared(one, two, 0.86)
        with watched(one, two):
            getattr(redis_server, how)()
            await shared(one, two, 0.5)
            assert one.replicas["redis"] == "gone"
            assert any("Redis" in problem for problem in one.control.status()["problems"])
            # Everything else goes on at once.
            one.workers[0].link.send(Parked("p", KEY, "bad_key", 60.0))
            await becomes(lambda: one.workers[1].last(Parked) is not None, 0.5, one)
            redis_server.thaw() if how == "freeze" else redis_server.start()
            await becomes(lambda: one.replicas["redis"] == "ok", 3.0, one)
            await shared(one, two, 0.86)
        assert one.replicas["problem"] == ""

    play(scene)


def test_control_is_started_again_while_redis_is_gone(text: Any, machine: Any, redis_server: Any) -> None:
    """Each machine keeps to half, as before: how many there are outlives a control, and it says so again."""

    async def main() -> None:
        async with machine(text(), "one", 2) as one, machine(text(), "two", 2) as two:
            supervisor = Supervisor(one)
            await shared(one, two, 0.5)
            await becomes(lambda: one.state.gateways() == two.state.gateways() == 2, 4.0, one, two)
            await becomes(lambda: supervisor.heard(Gateways)[-1:] == [Gateways(2)], 1.0, one)
            supervisor.link.close()
        redis_server.kill()
        async with machine(text(), "one", 2, 0.5) as one:
            supervisor = Supervisor(one)
            await becomes(lambda: one.replicas["redis"] == "gone" and one.has_begun, 6.0, one)
            assert (one.replicas["gateways"], one.replicas["parts"]) == (2, {"p": 0.5})
            await becomes(lambda: one.held == pytest.approx(0.5), 4.0, one)
            assert supervisor.heard(Gateways) == [Gateways(2)]
            supervisor.link.close()

    uvloop.run(main())


@pytest.mark.alone
def test_parked_keys_are_told(play: Any, redis_server: Any) -> None:
    """Within a second the workers of the other machine know which key, for how long, and when it is good again."""

    async def scene(one: Any, two: Any) -> None:
        await becomes(lambda: one.replicas["redis"] == two.replicas["redis"] == "ok", 3.0, one, two)
        one.workers[0].link.send(Parked("p", KEY, "bad_key", 60.0))
        took_s = await becomes(lambda: all(each.last(Parked) for each in two.workers), 1.0, two)
        told = two.workers[0].last(Parked)
        assert (told.provider, told.key, told.kind) == ("p", KEY, "bad_key")
        assert 60.0 - took_s - 1 <= told.left_s <= 60.0
        assert one.workers[0].last(Parked) is None, "not told what it told"
        assert one.workers[1].last(Parked).left_s == 60.0
        two.workers[1].link.send(Parked("p", KEY, "", 0.0))
        await becomes(lambda: one.workers[0].last(Parked) == Parked("p", KEY, "", 0.0), 1.0, one)

    play(scene)


@pytest.mark.alone
def test_broken_targets_are_told(play: Any) -> None:
    """Opened and closed."""

    async def scene(one: Any, two: Any) -> None:
        await becomes(lambda: one.replicas["redis"] == two.replicas["redis"] == "ok", 3.0, one, two)
        for is_open in (True, False):
            news = BreakerNews("p/m", is_open=is_open)
            one.workers[0].link.send(news)
            await becomes(lambda news=news: all(each.last(BreakerNews) == news for each in two.workers), 1.0)

    play(scene)


def test_who_starts_learns_what_holds(text: Any, machine: Any) -> None:
    """A machine that comes later, and a worker that does, hear of keys and targets that are bad now."""

    async def main() -> None:
        async with machine(text(), "one") as one:
            await becomes(lambda: one.replicas["redis"] == "ok", 3.0, one)
            one.workers[0].link.send(Parked("p", KEY, "bad_key", 60.0))
            one.workers[0].link.send(Parked("p", "${GONE}", "bad_key", 60.0))
            one.workers[0].link.send(BreakerNews("p/m", is_open=True))
            await becomes(lambda: not one.control._replicas._pending, 2.0, one)
            async with machine(text(), "two") as two:
                await becomes(lambda: two.workers[0].last(BreakerNews) is not None, 3.0, two)
                told = two.workers[0].last(Parked)
                assert (told.provider, told.key) == ("p", KEY), (
                    "what its configuration doesn't have is left out"
                )
                assert 50 < told.left_s < 60

    uvloop.run(main())


def test_prefixes_are_apart(text: Any, machine: Any) -> None:
    """Gateways with another prefix share nothing with these."""

    async def main() -> None:
        async with machine(text(prefix="a"), "one") as one, machine(text(prefix="b"), "two") as two:
            await becomes(lambda: one.replicas["redis"] == two.replicas["redis"] == "ok", 3.0, one, two)
            one.workers[0].link.send(BreakerNews("p/m", is_open=True))
            await becomes(lambda: not one.control._replicas._pending, 2.0, one)
            for _ in range(30):
                await asyncio.sleep(0.02)
            assert two.workers[0].last(BreakerNews) is None
            assert one.replicas["gateways"] == two.replicas["gateways"] == 1

    uvloop.run(main())


@pytest.mark.alone
def test_nothing_secret_is_in_redis(play: Any, redis_server: Any) -> None:
    """Neither keys nor the names of their variables, but in snapshots, which hold references."""
    import redis

    async def scene(one: Any, two: Any) -> None:
        await becomes(lambda: one.replicas["redis"] == "ok", 3.0, one)
        one.workers[0].link.send(Parked("p", KEY, "bad_key", 60.0))
        await becomes(lambda: bool(two.workers[0].last(Parked)), 1.0, two)

    play(scene)
    client = redis.Redis(port=redis_server.port)
    entries = repr(client.xrange("t:news")) + repr(client.hgetall("t:machines"))
    client.close()
    assert "left_s" in entries
    assert "sk-key" not in entries
    assert KEY not in entries

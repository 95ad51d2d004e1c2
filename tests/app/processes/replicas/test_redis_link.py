"""What a machine says to Redis and hears from it."""

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis
import uvloop

from halfopen.app.processes.redis_link import Chosen, GoneError, Meeting, MissingExtraError, RedisLink

server = pytest.mark.server("redis-server")


@pytest.fixture
def links(redis_server: Any) -> Callable[[Callable[..., Awaitable[None]]], None]:
    """Runs a coroutine function with three links to one Redis: `links(scene)`."""

    def run(scene: Callable[..., Awaitable[None]]) -> None:
        async def main() -> None:
            made = [RedisLink(redis_server.url, "t", name) for name in ("a", "b", "c")]
            try:
                await scene(*made)
            finally:
                for link in made:
                    await link.close()

        uvloop.run(main())

    return run


def meeting(wanted: float, held: float = 0.0, demand: float = 1.0, *, keep: bool = False) -> Meeting:
    return Meeting({"p": demand}, {"p": wanted}, {"p": held}, keep)


async def part(link: RedisLink, *given: Any, **named: Any) -> float:
    """The part that a machine is granted."""
    seen = await link.exchange(meeting(*given, **named), [])
    assert seen.met is not None
    return seen.met.parts["p"]


@server
def test_grants_what_is_free(links: Any) -> None:
    """The first has what it wants, the next what is left, and more when the first gives it up."""

    async def scene(a: RedisLink, b: RedisLink, c: RedisLink) -> None:
        assert await part(a, 0.75) == 0.75
        assert await part(b, 0.5) == 0.25
        assert await part(a, 0.5) == 0.5
        assert await part(b, 0.5) == 0.5
        assert await part(c, 0.5) == 0.0

    links(scene)


@server
def test_what_is_held_counts(links: Any) -> None:
    """A machine whose workers still use more has that, whatever it wants; a control that has just begun has
    what it had before."""

    async def scene(a: RedisLink, b: RedisLink, c: RedisLink) -> None:
        assert await part(a, 0.25, held=0.75) == 0.75
        assert await part(b, 1.0) == 0.25
        assert await part(a, 0.25, keep=True) == 0.75
        assert await part(a, 0.25) == 0.25

    links(scene)


@server
def test_tells_what_others_ask(links: Any) -> None:
    """Each of them, not one's own; and no longer when they have left."""

    async def scene(a: RedisLink, b: RedisLink, c: RedisLink) -> None:
        first = await a.exchange(meeting(0.25, demand=3.0), [])
        assert first.met is not None
        assert first.met.others == []
        await b.exchange(meeting(0.25, demand=5.0), [])
        third = await c.exchange(meeting(0.25), [])
        assert third.met is not None
        assert sorted(each["p"] for each in third.met.others) == [3.0, 5.0]
        await a.leave()
        fourth = await c.exchange(meeting(0.25), [])
        assert fourth.met is not None
        assert fourth.met.others == [{"p": 5.0}]

    links(scene)


@server
def test_never_more_than_the_whole(links: Any) -> None:
    """Whatever is wanted in whatever order, by machines that hold what they were granted."""

    async def scene(*made: RedisLink) -> None:
        chance = random.Random(5)
        granted = dict.fromkeys(made, 0.0)
        for _ in range(300):
            link = chance.choice(made)
            # It lowers at will, and never holds more than it has.
            held = granted[link] * chance.random()
            granted[link] = await part(link, chance.random(), held=held)
            assert granted[link] >= held - 1e-9
            assert sum(granted.values()) <= 1 + 1e-9, granted

    links(scene)


@server
def test_news_is_for_others(links: Any) -> None:
    """Each hears what the others told since it began, and 5 minutes before, once."""

    async def scene(a: RedisLink, b: RedisLink, c: RedisLink) -> None:
        await a.exchange(None, [{"n": 1}, {"n": 2}])
        await b.exchange(None, [])
        assert [told for _, told in (await b.exchange(None, [])).news] == [{"n": 1}, {"n": 2}]
        assert (await b.exchange(None, [{"n": 3}])).news == ()
        (age_s, told), *more = (await a.exchange(None, [])).news
        assert (told, more) == ({"n": 3}, [])
        assert 0 <= age_s < 1
        await c.exchange(None, [])
        assert len((await c.exchange(None, [])).news) == 3

    links(scene)


@server
def test_counter_only_grows(links: Any) -> None:
    """A choice is above all that is there and all that who chooses knows; putting one back changes no newer one."""

    async def scene(a: RedisLink, b: RedisLink, c: RedisLink) -> None:
        assert await a.chosen() is None
        assert await a.choose("i1", b"one", "base", 0) == 1
        assert await b.choose("i2", b"two", "base", 0) == 2
        assert (await a.exchange(None, [])).counter == 2
        assert await a.choose("i3", b"three", "base", 7) == 8
        assert await b.choose_again(Chosen(5, "i4", b"four", "")) == 8
        assert await c.chosen() == Chosen(8, "i3", b"three", "base")
        assert await b.choose_again(Chosen(9, "i4", b"four", "")) == 9
        assert await c.chosen() == Chosen(9, "i4", b"four", "")

    links(scene)


@server
@pytest.mark.alone
def test_frozen_redis_holds_nobody(links: Any, redis_server: Any) -> None:
    """Every call ends within half a second, and says so without the address."""

    async def scene(a: RedisLink, b: RedisLink, c: RedisLink) -> None:
        loop = asyncio.get_running_loop()
        await a.exchange(meeting(0.5), [])
        redis_server.freeze()
        calls: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: a.exchange(meeting(0.5), [{"n": 1}]),
            lambda: a.exchange(None, []),
            a.chosen,
            lambda: b.choose("i", b"", "", 0),
        )
        for call in calls:
            began = loop.time()
            with pytest.raises(GoneError) as caught:
                await call()
            assert "redis://" not in str(caught.value)
            assert loop.time() - began < 0.6
        began = loop.time()
        await c.leave()
        assert loop.time() - began < 0.8
        redis_server.thaw()
        assert (await a.exchange(meeting(0.5), [])).met is not None

    links(scene)


@server
@pytest.mark.parametrize("kind", ["string", "list"])
def test_keys_of_another_kind(links: Any, redis_server: Any, kind: str) -> None:
    """Somebody else's keys under the same names: an error as a value."""
    client = redis.Redis(port=redis_server.port)
    for name in ("machines", "news", "snapshot"):
        client.set(f"t:{name}", "x") if kind == "string" else client.rpush(f"t:{name}", "x")
    client.close()

    async def scene(a: RedisLink, b: RedisLink, c: RedisLink) -> None:
        for _ in range(2):
            with pytest.raises(GoneError):
                await a.exchange(meeting(0.5), [{"n": 1}])

    links(scene)


def test_nobody_listens() -> None:
    """A wrong password, port or host is an error as a value, without what the address holds."""

    async def main() -> None:
        link = RedisLink("redis://user:geheim@127.0.0.1:9/0", "t", "a")
        with pytest.raises(GoneError) as caught:
            await link.exchange(meeting(0.5), [])
        assert "geheim" not in str(caught.value)
        await link.close()

    uvloop.run(main())


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'halfopen\[redis\]'"):
        RedisLink("redis://127.0.0.1:9/0", "t", "a")

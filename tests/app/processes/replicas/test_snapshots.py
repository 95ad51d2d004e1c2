"""A snapshot that is applied on one machine is served by all."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import redis
import uvloop

from halfopen.app.processes.asking import ask
from halfopen.app.processes.messages import Ask

pytestmark = pytest.mark.server("redis-server")


async def becomes(condition: Any, most_s: float, what: Any) -> None:
    """Wait until something is so; fails when it isn't in time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + most_s
    while not condition():
        assert loop.time() < until, what()
        await asyncio.sleep(0.01)


async def command(machine: Any, what: str, argument: str = "") -> Any:
    """As `halfopen config apply` and `rollback` do it."""
    question = Ask(what, argument)
    answer = await asyncio.to_thread(ask, machine.state.socket_path, question)
    assert answer.ok, answer.problem
    return answer


def routes(machine: Any) -> list[str]:
    """The routes that a machine's workers were told to serve."""
    served = machine.workers[0].snapshot
    return [] if not served else sorted(machine.state.load(served).routes)


async def serve(route: str, *machines: Any, most_s: float = 5.0) -> None:
    await becomes(
        lambda: all(routes(each) == [route] for each in machines),
        most_s,
        lambda: [(routes(each), each.replicas) for each in machines],
    )


async def in_contact(*machines: Any) -> None:
    await becomes(
        lambda: all(each.replicas["redis"] == "ok" for each in machines),
        3.0,
        lambda: [each.replicas for each in machines],
    )


@pytest.mark.alone
def test_applied_everywhere(text: Any, machine: Any) -> None:
    """Within 5 s, each machine on its own port; and so is what is gone back to."""

    async def main() -> None:
        async with machine(text(port=8500), "one") as one, machine(text(port=8600), "two") as two:
            await in_contact(one, two)
            await command(one, "apply", text("other", port=8500))
            await serve("other", one, two)
            assert two.state.load(two.workers[0].snapshot).gateway.port == 8600
            assert [entry.why for entry in two.state.history()] == ["start", "other machine"]
            await command(two, "rollback")
            await serve("m", one, two)
            assert one.state.load(one.workers[0].snapshot).gateway.port == 8500

    uvloop.run(main())


def test_a_saved_file_is_its_machines_own(text: Any, machine: Any, tmp_path: Path) -> None:
    """It goes before what was applied elsewhere earlier, and stays on its machine."""

    async def main() -> None:
        async with machine(text(), "one") as one, machine(text(), "two") as two:
            await in_contact(one, two)
            await command(one, "apply", text("other"))
            await serve("other", one, two)
            (tmp_path / "two" / "halfopen.toml").write_text(text("mine"))
            await serve("mine", two)
            for _ in range(30):
                await asyncio.sleep(0.02)
            assert (routes(one), routes(two)) == (["other"], ["mine"])
            await command(one, "apply", text("newest"))
            await serve("newest", one, two)

    uvloop.run(main())


@pytest.mark.parametrize(("file", "served"), [("m", "other"), ("newer", "newer")])
def test_who_starts_joins_in(text: Any, machine: Any, file: str, served: str) -> None:
    """With the same file, it serves what was applied instead of that; with a newer one, the newer one."""

    async def main() -> None:
        async with machine(text(), "one") as one:
            await in_contact(one)
            await command(one, "apply", text("other"))
            await serve("other", one)
            async with machine(text(file), "two") as two:
                await in_contact(two)
                for _ in range(30):
                    await asyncio.sleep(0.02)
                current = two.state.current()
                assert sorted(two.state.load(current).routes) == [served]

    uvloop.run(main())


@pytest.mark.alone
def test_applied_without_redis(text: Any, machine: Any, redis_server: Any) -> None:
    """The command does not wait, and all machines serve it once Redis is there again, empty as it is."""

    async def main() -> None:
        async with machine(text(), "one") as one, machine(text(), "two") as two:
            await in_contact(one, two)
            await command(one, "apply", text("first"))
            await serve("first", one, two)
            redis_server.kill()
            await command(two, "apply", text("second"))
            await serve("second", two, most_s=1.0)
            assert routes(one) == ["first"]
            redis_server.start()
            await serve("second", one, two)

    uvloop.run(main())


def test_lost_choice_is_put_back(text: Any, machine: Any, redis_server: Any) -> None:
    """A Redis that has forgotten all learns the choice again from who serves it."""

    async def main() -> None:
        async with machine(text(), "one") as one:
            await in_contact(one)
            await command(one, "apply", text("other"))
            client = redis.Redis(port=redis_server.port)
            await becomes(lambda: client.hget("t:snapshot", "counter") == b"1", 3.0, lambda: "not chosen")
            chosen = client.hgetall("t:snapshot")
            client.flushall()
            await becomes(lambda: client.hgetall("t:snapshot") == chosen, 3.0, lambda: "not put back")
            client.close()

    uvloop.run(main())


def test_later_one_wins(text: Any, machine: Any) -> None:
    """Two are applied at the same time: all end with the same one."""

    async def main() -> None:
        async with machine(text(), "one") as one, machine(text(), "two") as two:
            await in_contact(one, two)
            await asyncio.gather(command(one, "apply", text("left")), command(two, "apply", text("right")))
            await becomes(
                lambda: routes(one) == routes(two) != ["m"], 5.0, lambda: (routes(one), routes(two))
            )
            for _ in range(50):
                await asyncio.sleep(0.02)
            assert routes(one) == routes(two)

    uvloop.run(main())


@pytest.mark.parametrize("content", [b"", b"{}", b"nonsense", b'{"gateway": 1}'])
def test_nonsense_in_redis(text: Any, machine: Any, redis_server: Any, content: bytes) -> None:
    """What can't be read is told, and nothing is changed by it."""

    async def main() -> None:
        async with machine(text(), "one") as one:
            await in_contact(one)
            client = redis.Redis(port=redis_server.port)
            client.xadd("t:news", {"by": "x", "what": content})
            client.xadd("t:news", {"other": b"field"})
            client.hset("t:snapshot", mapping={"counter": 7, "id": "0" * 16, "content": content})
            await becomes(
                lambda: "it can't be used" in "".join(one.control.status()["problems"]),
                3.0,
                lambda: one.replicas,
            )
            assert one.state.current() == one.state.history()[0].id
            assert one.replicas["redis"] == "ok"
            client.close()

    uvloop.run(main())

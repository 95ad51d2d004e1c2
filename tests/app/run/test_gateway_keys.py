"""The gateway's own keys with real processes: who is let in, who no longer, and what each may spend."""

import asyncio
import json
import os
import sqlite3
from contextlib import closing
from typing import Any

WITHIN_S = 1.0
COUNTED_S = 5.0


def request(key: str = "", *, caller: str = "", header: str = "authorization: Bearer {}") -> bytes:
    """A chat request with a key."""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
    lines = ["POST /v1/chat/completions HTTP/1.1", "host: g", f"content-length: {len(body)}"]
    if key:
        lines.append(header.format(key))
    if caller:
        lines.append(f"x-halfopen-caller: {caller}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def statuses(kit: Any, gateway: Any, wanted: bytes, times: int = 12) -> list[int]:
    """What new connections get, enough of them to reach every worker."""
    found = []
    for _ in range(times):
        client = await kit.client.connect(gateway.port)
        found.append((await client.ask(wanted))[0])
        client.leave()
    return found


def recorded_callers(stage: Any) -> list[str]:
    with closing(sqlite3.connect(stage.state / "outcomes.db")) as store:
        return [caller for (caller,) in store.execute("SELECT caller FROM outcomes ORDER BY id")]


async def revoked_in_time(kit: Any, gateway: Any, wanted: bytes) -> None:
    """Until every worker refuses it."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while set(await statuses(kit, gateway, wanted)) != {401}:
        assert loop.time() - began < WITHIN_S, "some worker lets it in"


def test_the_first_key_closes_the_gateway_and_revoking_takes_less_than_a_second(play: Any, kit: Any) -> None:
    """On connections that are open as well; /healthz stays open, and the last key revoked lets nobody in."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        await stage.controlled()
        kept = await kit.client.connect(gateway.port)
        assert (await kept.ask(request()))[0] == 200
        made = await stage.command("keys", "create", "alice")
        assert (made["running"], made["everywhere"], made["workers"]) == (True, True, 2)
        assert set(await statuses(kit, gateway, request())) == {401}
        status, headers, body = await kept.ask(request())
        error = json.loads(body)["error"]
        assert (status, error["type"], error["halfopen"]["kind"]) == (
            401,
            "authentication_error",
            "key_needed",
        )
        assert "halfopen keys create" in error["message"]
        assert headers["x-should-retry"] == "false"
        key = request(made["secret"])
        assert set(await statuses(kit, gateway, key)) == {200}
        assert (await kept.ask(key))[0] == 200
        assert (await kept.ask(b"GET /healthz HTTP/1.1\r\nhost: g\r\n\r\n"))[0] == 200
        assert (await kept.ask(b"GET /v1/models HTTP/1.1\r\nhost: g\r\n\r\n"))[0] == 401
        revoked = await stage.command("keys", "revoke", "alice")
        assert revoked["everywhere"] is True
        await revoked_in_time(kit, gateway, key)
        assert (await kept.ask(key))[0] == 401
        assert set(await statuses(kit, gateway, request())) == {401}
        await kit.eventually(lambda: stage.recorded() == 14, stage.recorded)
        assert set(recorded_callers(stage)) == {"", "alice"}

    play(scene)


def test_a_worker_that_starts_while_control_and_the_disk_are_gone_knows_the_keys(play: Any, kit: Any) -> None:
    """It has them from the supervisor, revoked ones as such."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start(workers=1)
        await stage.controlled()
        good = await stage.command("keys", "create", "good")
        bad = await stage.command("keys", "create", "bad")
        await stage.command("keys", "revoke", "bad")
        os.kill(gateway.processes["control"], kit.signal.SIGSTOP)
        (stage.state / "keys.json").rename(stage.folder / "elsewhere.json")
        os.kill(gateway.processes["workers"][0], kit.signal.SIGKILL)
        for each, wanted in ((good["secret"], 200), (bad["secret"], 401), ("", 401)):
            client = await kit.client.connect(gateway.port)
            async with asyncio.timeout(15):
                assert (await client.ask(request(each)))[0] == wanted
            client.leave()
        os.kill(gateway.processes["control"], kit.signal.SIGCONT)

    play(scene)


def test_a_budget_holds_over_all_workers_and_after_a_restart_of_control(play: Any, kit: Any) -> None:
    """429 says when the next window begins; what was spent is known again from the ledger."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        await stage.controlled()
        made = await stage.command("keys", "create", "bob", "--requests", "8", "--per", "day")
        key = request(made["secret"])
        assert await statuses(kit, gateway, key, 5) == [200] * 5
        await kit.eventually(lambda: stage.recorded() == 5, stage.recorded)
        os.kill(gateway.processes["control"], kit.signal.SIGKILL)
        await gateway.until_said("control")
        listed: dict[str, Any] = {}
        until = asyncio.get_running_loop().time() + COUNTED_S
        while listed.get("requests") != 5:
            assert asyncio.get_running_loop().time() < until, listed
            listed = (await stage.command("keys", "list"))["keys"][0]["spent"]
        await asyncio.sleep(0.05)
        found = []
        while 429 not in found:
            found += await statuses(kit, gateway, key, 1)
            await asyncio.sleep(0.05)
        # Two workers: at most what was left once more.
        assert 3 <= found.count(200) <= 6
        client = await kit.client.connect(gateway.port)
        while (answer := await client.ask(key))[0] != 429:  # noqa: ASYNC110 - workers set no event
            await asyncio.sleep(0.05)
        status, headers, body = answer
        error = json.loads(body)["error"]
        assert (status, error["type"], error["code"]) == (429, "rate_limit_error", "over_budget")
        assert "8 requests per day" in error["message"]
        assert 0 < int(headers["retry-after"]) <= 86_400

    play(scene)


def test_a_name_of_a_key_can_not_be_claimed(play: Any, kit: Any) -> None:
    """With a key its name counts, whatever the header says; without one the header may say other names only."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start(workers=1, gateway="require_key = false")
        await stage.controlled()
        made = await stage.command("keys", "create", "alice")
        client = await kit.client.connect(gateway.port)
        for wanted in (
            request(made["secret"], caller="mallory", header="x-api-key: {}"),
            request(caller="alice"),
            request(caller="carol"),
            request(made["secret"], header="x-goog-api-key: {}"),
        ):
            assert (await client.ask(wanted))[0] == 200
        client.leave()
        await kit.eventually(lambda: stage.recorded() == 4, stage.recorded)
        assert sorted(recorded_callers(stage)) == ["", "alice", "alice", "carol"]

    play(scene)


def test_keys_that_can_not_be_read_let_nobody_in(play: Any, kit: Any) -> None:
    """It is said; and mended within a moment."""

    async def scene(stage: Any) -> None:
        stage.state.mkdir(mode=0o700)
        (stage.state / "keys.json").write_bytes(b"{")
        gateway = await stage.start(workers=1)
        await stage.controlled()
        await gateway.until_said("nobody is let in")
        assert await statuses(kit, gateway, request(), 1) == [401]
        status = await stage.command("status")
        assert any("gateway keys" in problem for problem in status["problems"]), status["problems"]
        (stage.state / "keys.json").unlink()
        made = await stage.command("keys", "create", "alice")
        assert await statuses(kit, gateway, request(made["secret"]), 2) == [200, 200]

    play(scene)

"""The gateway's own keys: who is let in, what the others are told, and that no upstream sees a key."""

import base64
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET, structs

from halfopen.app.processes import key_file
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.gateway.keyring import KEY_MAX_CHARS, digest
from halfopen.model import Price
from halfopen.model.gateway_key import Budget, GatewayKey, Per
from halfopen.policy.budget import Amounts, window_start

SECRET = "ho-0123456789ab-" + base64.urlsafe_b64encode(bytes(range(32))).rstrip(b"=").decode()
OTHER = "ho-ba9876543210-" + "x" * 43


def key(secret: str = SECRET, name: str = "alice", budget: Budget | None = None, **more: Any) -> GatewayKey:
    return GatewayKey(secret[3:15], name, digest(secret), 1.0, budget, **more)


@pytest.mark.parametrize(
    "header",
    [
        "Authorization: Bearer {}",
        "authorization: bearer   {}",
        "x-api-key: {}",
        "x-goog-api-key: {}",
    ],
    ids=["OpenAI's", "another spelling", "Anthropic's", "Google's"],
)
def test_a_key_is_found_where_the_official_clients_put_it(play: Any, kit: Any, header: str) -> None:
    """Its name is the caller, and the upstream gets the provider's key only."""

    async def scene(stage: Any) -> None:
        heads = []

        async def script(peer: Any) -> None:
            while True:
                await peer.request()
                heads.append(peer.head)
                peer.send(kit.ok())

        gateway = await stage.gateway(await stage.upstream(script))
        gateway.hold([key()])
        client = await stage.client(gateway)
        for _ in range(3):  # the head is known by its bytes the second time
            wanted = kit.post(kit.chat(), header.format(SECRET), "x-halfopen-caller: mallory")
            assert (await client.ask(wanted)).status == 200
        assert [outcome.caller for outcome in stage.outcomes] == ["alice"] * 3
        assert len(heads) == 3
        for head in heads:
            assert b"authorization: bearer " + kit.key.encode() in head
            assert b"ho-0123" not in head

    play(scene)


REFUSED = {
    "none": ((), "the request has none"),
    "another vendor's": (("authorization: Bearer sk-proj-1234567890",), "the request has none"),
    "unknown": ((f"x-api-key: {OTHER}",), "doesn't know this key"),
    "a wrong secret": ((f"x-api-key: {SECRET[:-1]}X",), "doesn't know this key"),
    "its identifier only": ((f"x-api-key: {SECRET[:15]}",), "doesn't know this key"),
    "basic": ((f"authorization: Basic {SECRET}",), "the request has none"),
    "too long": (("x-api-key: ho-" + "a" * KEY_MAX_CHARS,), "the request has none"),
    "no text": (("x-api-key: ho-0123456789ab-\xff\xfe",), "doesn't know this key"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_who_has_no_good_key_is_refused_before_anything_is_done(play: Any, kit: Any, case: str) -> None:
    """With 401 and what to do; no upstream hears of it. It counts as failed, by nobody we know."""
    headers, why = REFUSED[case]

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(kit.answering(kit.ok()))
        gateway = await stage.gateway(upstream)
        gateway.hold([key()])
        client = await stage.client(gateway)
        client.send(_raw(kit, headers))
        error = (await client.response()).assert_openai_error(401)
        assert why in error["message"]
        assert "halfopen keys create" in error["message"]
        assert (error["type"], error["code"]) == ("authentication_error", "invalid_api_key")
        assert upstream.connections == 0
        (outcome,) = stage.outcomes
        assert (outcome.fault.kind.value, outcome.route, outcome.caller) == ("key_needed", "", "")

    play(scene)


def _raw(kit: Any, headers: tuple[str, ...]) -> bytes:
    plain = kit.post(kit.chat())
    head, _, body = plain.partition(b"\r\n\r\n")
    return b"\r\n".join([head, *(each.encode("latin-1") for each in headers)]) + b"\r\n\r\n" + body


DIALECTS = {
    "messages": (
        "/v1/messages",
        b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}',
        lambda body: (body["type"], body["error"]["type"]),
        ("error", "authentication_error"),
    ),
    "generate": (
        "/v1beta/models/m:generateContent",
        b'{"contents":[{"parts":[{"text":"hi"}]}]}',
        lambda body: (body["error"]["code"], body["error"]["status"]),
        (401, "UNAUTHENTICATED"),
    ),
    "responses": (
        "/v1/responses",
        b'{"model":"m","input":"hi"}',
        lambda body: (body["error"]["type"], body["error"]["code"]),
        ("authentication_error", "invalid_api_key"),
    ),
    "relay": (
        "/v1/files",
        b"",
        lambda body: (body["error"]["type"], body["error"]["code"]),
        ("authentication_error", "invalid_api_key"),
    ),
}


@pytest.mark.parametrize("case", DIALECTS)
def test_the_refusal_is_in_the_clients_dialect(play: Any, kit: Any, case: str) -> None:
    """Each official client raises its own error of authentication."""
    path, body, told, wanted = DIALECTS[case]

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(kit.answering(kit.ok())))
        gateway.hold([key()])
        client = await stage.client(gateway)
        method = "GET" if case == "relay" else "POST"
        answer = await client.ask(kit.post(body, path=path, method=method))
        assert answer.status == 401
        assert told(answer.json) == wanted

    play(scene)


def test_how_the_gateway_is_anybody_may_ask_and_its_models_nobody(play: Any, kit: Any) -> None:
    """Load balancers have no keys."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(kit.answering(kit.ok())))
        gateway.hold([key()])
        client = await stage.client(gateway)
        found = {
            path: (await client.ask(kit.get(path))).status
            for path in ("/healthz", "/readyz", "/v1/models", "/v1/models/m")
        }
        assert found == {"/healthz": 200, "/readyz": 200, "/v1/models": 401, "/v1/models/m": 401}
        assert (await client.ask(kit.get("/v1/models", f"x-api-key: {SECRET}"))).status == 200

    play(scene)


def test_other_keys_hold_on_connections_that_are_open(play: Any, kit: Any) -> None:
    """Though their heads are known: made, revoked, and replaced."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(kit.answering(kit.ok())))
        client = await stage.client(gateway)
        wanted = kit.post(kit.chat(), f"x-api-key: {SECRET}")
        found = []
        for keys in ([], [key()], [key(revoked_wall_s=2.0)], [key(revoked_wall_s=2.0), key(OTHER)]):
            gateway.hold(keys)
            found.append([(await client.ask(wanted)).status for _ in range(2)])
        assert found == [[200, 200], [200, 200], [401, 401], [401, 401]]
        assert (await client.ask(kit.post(kit.chat(), f"x-api-key: {OTHER}"))).status == 200
        error = (await client.ask(wanted)).error
        assert "was revoked" in error["message"]

    play(scene)


@pytest.mark.parametrize(
    ("setting", "keys", "closed", "wanted"),
    [
        (UNSET, [], False, [200, 200, 200]),
        (UNSET, [key()], False, [401, 401, 200]),
        (True, [], False, [401, 401, 401]),
        (False, [key()], False, [200, 401, 200]),
        (UNSET, [], True, [401, 401, 401]),
        (False, [], True, [401, 401, 401]),
    ],
    ids=["as it was", "one was made", "required", "not required", "not to be read", "nor if not required"],
)
def test_whether_a_key_is_needed(
    play: Any, kit: Any, setting: Any, keys: list[GatewayKey], closed: bool, wanted: list[int]
) -> None:
    """As the setting says, else as soon as there is one. One that is sent has to be good in any case."""

    async def scene(stage: Any) -> None:
        more = {} if setting is UNSET else {"require_key": setting}
        gateway = await stage.gateway(await stage.upstream(kit.answering(kit.ok())), **more)
        gateway.hold(keys, closed=closed)
        client = await stage.client(gateway)
        sent = ((), (f"x-api-key: {OTHER}",), (f"x-api-key: {SECRET}",))
        found = [(await client.ask(kit.post(kit.chat(), *headers))).status for headers in sent]
        assert found == wanted

    play(scene)


def test_a_new_snapshot_keeps_the_keys_and_its_setting_holds(play: Any, kit: Any) -> None:
    """Without a restart."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(kit.answering(kit.ok())))
        gateway.hold([key()])
        client = await stage.client(gateway)
        found = []
        for setting in (UNSET, False, True):
            old = gateway.runtime.snapshot
            new = structs.replace(old.gateway, require_key=setting)
            gateway.adopt(type(old)(new, old.providers, old.routes), {"KEY": kit.key})
            found.append((await client.ask(kit.post(kit.chat()))).status)
        assert found == [401, 200, 401]

    play(scene)


def test_a_name_of_a_key_can_not_be_claimed(play: Any, kit: Any) -> None:
    """By who sends none; other names may be."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(kit.answering(kit.ok())), require_key=False)
        gateway.hold([key(), key(OTHER, "old", revoked_wall_s=1.0)])
        client = await stage.client(gateway)
        for name in ("alice", "old", "bob"):
            assert (await client.ask(kit.post(kit.chat(), f"x-halfopen-caller: {name}"))).status == 200
        assert [outcome.caller for outcome in stage.outcomes] == ["", "", "bob"]

    play(scene)


@pytest.mark.parametrize("per", [Per.MINUTE, Per.MONTH])
def test_over_budget_is_429_until_the_next_window(play: Any, kit: Any, per: Per) -> None:
    """With the budget in words. The official clients come again by themselves only if that is soon."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(kit.answering(kit.ok())))
        gateway.hold([key(budget=Budget(per, nusd=2_500_000_000))])
        now = gateway.runtime.surroundings.clock.wall()
        left = {"alice": (window_start(per, now), Amounts(0, 0, -1))}
        gateway.keyring.told(left, 0, gateway.runtime.loop.time(), now)
        client = await stage.client(gateway)
        answer = await client.ask(kit.post(kit.chat(), f"x-api-key: {SECRET}"))
        assert answer.status == 429
        error = answer.error
        assert f"The budget of 'alice', $2.5 per {per.value}, is used up" in error["message"]
        assert (error["type"], error["code"]) == ("rate_limit_error", "over_budget")
        wait_s = int(answer.headers["retry-after"])
        assert 1 <= wait_s <= (60 if per is Per.MINUTE else 31 * 86_400)
        assert answer.headers.get("x-should-retry") == (None if wait_s <= 60 else "false")
        (outcome,) = stage.outcomes
        assert (outcome.fault.kind.value, outcome.route, outcome.caller) == ("over_budget", "", "alice")

    play(scene)


def test_a_request_counts_when_it_begins_and_what_it_took_when_it_is_over(play: Any, kit: Any) -> None:
    """What never begins counts for nothing."""

    async def scene(stage: Any) -> None:
        usage = b'"usage":{"prompt_tokens":30,"completion_tokens":20,"total_tokens":50},'
        body = kit.ok_body.replace(b'{"id"', b"{" + usage + b'"id"', 1)
        gateway = await stage.gateway(await stage.upstream(kit.answering(kit.ok(body))))
        gateway.hold([key(budget=Budget(Per.DAY, requests=3, tokens=120, nusd=10**9))])
        clock, loop = gateway.runtime.surroundings.clock, gateway.runtime.loop
        left = {"alice": (window_start(Per.DAY, clock.wall()), Amounts(3, 120, 10**9))}
        gateway.keyring.told(left, 0, loop.time(), clock.wall())
        client = await stage.client(gateway)
        found = []
        for wanted in (b"{", kit.chat(model="none"), kit.chat(), kit.chat(), kit.chat()):
            found.append((await client.ask(kit.post(wanted, f"x-api-key: {SECRET}"))).status)
            for number, outcome in enumerate(stage.outcomes):
                gateway.keyring.ended(outcome, number, Price(1.0, 2.0), clock.wall())
            stage.outcomes.clear()
        assert found == [400, 404, 200, 200, 200]
        answer = await client.ask(kit.post(kit.chat(), f"x-api-key: {SECRET}"))
        assert answer.status == 429
        assert "3 requests per day" in answer.error["message"]
        allotment = gateway.keyring.holders["alice"].allotment
        assert (allotment._tokens, allotment._nusd) == (150, 3 * (30 * 1000 + 20 * 2000))

    play(scene)


def test_a_request_under_way_counts(play: Any, kit: Any) -> None:
    """Else any number could come in at once."""

    async def scene(stage: Any) -> None:
        async def silent(peer: Any) -> None:
            await peer.request()
            await peer.gone()

        upstream = await stage.upstream(silent)
        gateway = await stage.gateway(upstream)
        # In another order than the file has: a key that was revoked takes nothing from the one that is good.
        gateway.hold([key(budget=Budget(Per.DAY, requests=1)), key(OTHER, revoked_wall_s=1.0)])
        first, second = [await stage.client(gateway) for _ in range(2)]
        first.send(kit.post(kit.chat(), f"x-api-key: {SECRET}"))
        await stage.until(lambda: upstream.connections == 1, lambda: upstream.connections)
        assert (await second.ask(kit.post(kit.chat(), f"x-api-key: {SECRET}"))).status == 429

    play(scene)


def test_a_key_that_was_replaced_leaves_its_budget_to_the_new_one(
    tmp_path: Path, play: Any, kit: Any
) -> None:
    """What was spent stays spent; another budget begins anew."""

    async def scene(stage: Any) -> None:
        state = StateDirectory(tmp_path)
        gateway = await stage.gateway(await stage.upstream(kit.answering(kit.ok())))
        key_file.create(state, "alice", Budget(Per.DAY, requests=1), 1.0)
        gateway.hold(key_file.load(state))
        gateway.keyring.holders["alice"].begun()
        new = key_file.rotate(state, "alice", 2.0)
        gateway.hold(key_file.load(state))
        client = await stage.client(gateway)
        assert (await client.ask(kit.post(kit.chat(), f"x-api-key: {new.secret}"))).status == 429
        other = structs.replace(new.key, budget=Budget(Per.DAY, requests=9))
        gateway.hold([other])
        assert (await client.ask(kit.post(kit.chat(), f"x-api-key: {new.secret}"))).status == 200

    play(scene)

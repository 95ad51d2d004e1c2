"""Requests that wait for room: who goes first, who may wait, and what the others are told."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import openai
import pytest

from halfopen.gateway.keyring import digest
from halfopen.gateway.runtime import Runtime
from halfopen.gateway.waiting_lines import WaitingLines
from halfopen.model import Demand, Skip, Target
from halfopen.model.gateway_key import GatewayKey
from halfopen.policy import Credential, JourneyOptions, TargetState
from halfopen.policy.options import LimitOptions, PolicyOptions
from halfopen.policy.permit import Permit
from halfopen.policy.queue import Line, Shedding, ShedReason
from halfopen.policy.refusal import Refusal

ONE_AT_A_TIME = PolicyOptions(limit=LimitOptions(initial=1, min=1, max=1))


class Counter:
    """An upstream that answers when it is told to, and remembers who asked in which order."""

    def __init__(self, kit: Any) -> None:
        self.kit = kit
        self.users: list[str] = []
        self.heads: list[bytes] = []
        self.goes = asyncio.Semaphore(0)

    async def script(self, peer: Any) -> None:
        while True:
            body = msgspec.json.decode(await peer.request())
            self.users.append(body.get("user", "first"))
            self.heads.append(peer.head)
            await self.goes.acquire()
            peer.send(self.kit.ok())

    def go(self, count: int) -> None:
        for _ in range(count):
            self.goes.release()


async def line_up(stage: Any, kit: Any, gateway: Any, asked: Sequence[tuple[str, ...]]) -> list[Any]:
    """Clients that wait in this order, each with its user's name and headers."""
    clients = []
    for number, (user, *headers) in enumerate(asked):
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat(user=user), *headers))
        await stage.until(lambda n=number: gateway.runtime.waiting == n + 1, lambda: gateway.runtime.waiting)
        clients.append(client)
    return clients


async def occupied(stage: Any, kit: Any, **settings: Any) -> tuple[Any, Counter, Any]:
    """A gateway whose only target has its only slot taken by the returned client."""
    counter = Counter(kit)
    upstream = await stage.upstream(counter.script)
    gateway = await stage.gateway(upstream, policy=ONE_AT_A_TIME, **settings)
    first = await stage.client(gateway)
    first.send(kit.post(kit.chat()))
    await stage.until(lambda: len(counter.users) == 1, lambda: counter.users)
    return gateway, counter, first


BULK = "x-halfopen-priority: bulk"


def test_interactive_requests_go_before_bulk(play: Any, kit: Any) -> None:
    """Whoever came first."""

    async def scene(stage: Any) -> None:
        gateway, counter, first = await occupied(stage, kit)
        asked = [("b1", BULK), ("b2", BULK), ("i1",), ("i2",)]
        clients = await line_up(stage, kit, gateway, asked)
        counter.go(5)
        assert [(await client.response()).status for client in (first, *clients)] == [200] * 5
        assert counter.users == ["first", "i1", "i2", "b1", "b2"]

    play(scene)


def test_callers_take_turns(play: Any, kit: Any) -> None:
    """One with many requests in the line does not keep one with few waiting."""

    async def scene(stage: Any) -> None:
        gateway, counter, first = await occupied(stage, kit)
        many, few = "authorization: Bearer many", "authorization: Bearer few"
        asked = [("m1", many), ("m2", many), ("m3", many), ("f1", few), ("f2", few)]
        clients = await line_up(stage, kit, gateway, asked)
        counter.go(6)
        assert [(await client.response()).status for client in (first, *clients)] == [200] * 6
        assert counter.users == ["first", "m1", "f1", "m2", "f2", "m3"]

    play(scene)


def test_the_holder_of_a_key_has_one_turn_whatever_it_calls_itself(play: Any, kit: Any) -> None:
    """Other names in `x-halfopen-caller` bring no more turns, nor does a key in another place."""
    alice, bob = (f"ho-{digit * 12}-{digit * 43}" for digit in "ab")
    keys = [
        GatewayKey(each[3:15], name, digest(each), 1.0) for each, name in ((alice, "alice"), (bob, "bob"))
    ]

    async def scene(stage: Any) -> None:
        gateway, counter, first = await occupied(stage, kit)
        gateway.hold(keys)
        asked = [
            ("a1", f"x-api-key: {alice}", "x-halfopen-caller: one"),
            ("a2", f"x-api-key: {alice}", "x-halfopen-caller: two"),
            ("a3", f"authorization: Bearer {alice}"),
            ("b1", f"x-api-key: {bob}", "x-halfopen-caller: one"),
        ]
        clients = await line_up(stage, kit, gateway, asked)
        counter.go(5)
        assert [(await client.response()).status for client in (first, *clients)] == [200] * 5
        assert counter.users == ["first", "a1", "b1", "a2", "a3"]

    play(scene)


def test_bulk_makes_place_for_interactive(play: Any, kit: Any) -> None:
    """A full line sheds the bulk request: 503, and when to come again."""

    async def scene(stage: Any) -> None:
        gateway, counter, first = await occupied(stage, kit, queue_max=1)
        (bulk,) = await line_up(stage, kit, gateway, [("b", BULK)])
        interactive = await stage.client(gateway)
        interactive.send(kit.post(kit.chat(user="i")))
        response = await bulk.response()
        error = response.assert_openai_error(503)
        assert error["halfopen"]["kind"] == "no_capacity"
        assert 1 <= int(response.headers["retry-after"]) <= 60
        assert gateway.runtime.waiting == 1
        counter.go(2)
        assert [(await client.response()).status for client in (first, interactive)] == [200, 200]
        assert counter.users == ["first", "i"]

    play(scene)


def test_who_has_more_than_its_share_is_told_429(play: Any, kit: Any) -> None:
    """The line is full of one caller's requests: another gets in, and the one is rate-limited."""

    async def scene(stage: Any) -> None:
        gateway, counter, _ = await occupied(stage, kit, queue_max=4)
        greedy = "authorization: Bearer greedy"
        clients = await line_up(stage, kit, gateway, [(f"g{n}", greedy) for n in range(4)])
        modest = await stage.client(gateway)
        modest.send(kit.post(kit.chat(user="m"), "authorization: Bearer modest"))
        response = await clients[-1].response()
        response.assert_openai_error(429)
        assert 1 <= int(response.headers["retry-after"]) <= 60
        again = await stage.client(gateway)
        refused = await again.ask(kit.post(kit.chat(), greedy))
        assert (refused.status, gateway.runtime.waiting) == (429, 4)
        counter.go(5)
        assert (await modest.response()).status == 200

    play(scene)


@pytest.mark.parametrize("reason", list(ShedReason), ids=lambda reason: reason.name.lower())
def test_a_shed_request_is_told_when_to_come_again(
    play: Any, kit: Any, monkeypatch: pytest.MonkeyPatch, reason: ShedReason
) -> None:
    """Never sooner than the estimate; 429 for a caller's own share, 503 for all else."""
    monkeypatch.setattr(Line, "join", lambda *_: Shedding(reason, 6.2))

    async def scene(stage: Any) -> None:
        gateway, counter, first = await occupied(stage, kit)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat()))
        response.assert_openai_error(429 if reason is ShedReason.SHARE else 503)
        assert response.headers["retry-after"] == "7"
        counter.go(1)
        assert (await first.response()).status == 200

    play(scene)


def test_room_goes_to_the_routes_whose_first_choice_it_is(play: Any, kit: Any) -> None:
    """Before those that would only fail over to it; each line once."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab(), await stage.lab())
        runtime: Runtime = gateway.runtime
        (line,) = runtime.waiting_lines.by_target["p1/gpt-4o-mini"]
        assert line is runtime.routes["m"].line
        (relayed,) = runtime.waiting_lines.by_target["p1/*"]
        assert relayed is runtime.relays["*"].line

    play(scene)


def test_lines_of_own_routes_come_first() -> None:
    """However the routes are listed."""
    from halfopen.app.clock import SystemClock
    from halfopen.gateway.runtime import Surroundings
    from halfopen.rollout.settings import Gateway
    from halfopen.rollout.snapshot import ProviderSpec, RouteSpec, Snapshot

    a, b = Target("a", "m", "openai"), Target("b", "m", "openai")
    specs = {name: ProviderSpec(name, "openai", "http://127.0.0.1:9") for name in "ab"}
    routes = {"x": RouteSpec("x", (a, b)), "y": RouteSpec("y", (b, a, b)), "z": RouteSpec("z", (b,))}
    loop = asyncio.new_event_loop()
    surroundings = Surroundings(SystemClock(), lambda: 0.5, lambda: "id", lambda _: None)
    runtime = Runtime(Snapshot(Gateway(), specs, routes), {}, surroundings, loop)
    loop.close()
    names = {id(route.line): name for name, route in runtime.routes.items()}
    led = {
        target: "".join(names[id(line)] for line in runtime.waiting_lines.by_target[target])
        for target in ("a/m", "b/m")
    }
    assert led == {"a/m": "xy", "b/m": "yzx"}
    assert "secret" not in repr(surroundings)
    assert len(surroundings.caller_secret) == 32


def test_a_newcomer_lets_those_who_wait_go_first(play: Any, kit: Any) -> None:
    """Even when room has come by itself, with nobody to tell of it."""

    async def scene(stage: Any) -> None:
        gateway, counter, first = await occupied(stage, kit)
        clients = await line_up(stage, kit, gateway, [("early",)])
        kit.limiter_of(gateway)._window.size = 2.0  # nobody is told
        late = await stage.client(gateway)
        late.send(kit.post(kit.chat(user="late")))
        await stage.until(lambda: len(counter.users) == 2, lambda: counter.users)
        counter.go(3)
        assert [(await client.response()).status for client in (first, *clients, late)] == [200] * 3
        assert counter.users == ["first", "early", "late"]

    play(scene)


@pytest.mark.alone
def test_who_has_no_patience_is_answered_in_time(play: Any, kit: Any) -> None:
    """A caller that says when it leaves gets its answer, or the reason for none, before that."""

    async def scene(stage: Any) -> None:
        options = JourneyOptions(deadline_s=8, attempt_s=8)
        gateway = await stage.gateway(await stage.upstream(lambda peer: peer.gone()), options=options)
        loop = asyncio.get_running_loop()
        for stream, header in [(False, "x-stainless-read-timeout"), (True, "x-halfopen-timeout")]:
            began = loop.time()
            response = await (await stage.client(gateway)).ask(
                kit.post(kit.chat(stream=stream), f"{header}: 0.3")
            )
            assert response.status >= 500
            assert loop.time() - began < 0.6

    play(scene)


def test_repeats_are_told_upstream(play: Any, kit: Any) -> None:
    """Another Halfopen, or the vendor, sees which calls are retries, ours or the caller's."""

    async def scene(stage: Any) -> None:
        heads: list[bytes] = []

        async def script(peer: Any) -> None:
            while True:
                await peer.request()
                heads.append(peer.head)
                good = len(heads) != 2
                peer.send(kit.ok() if good else kit.ok(b"{}", status="503 Service Unavailable"))

        gateway = await stage.gateway(await stage.upstream(script))
        client = await stage.client(gateway)
        for header in ("x-stainless-retry-count: 0", "accept: */*", "x-stainless-retry-count: 2"):
            assert (await client.ask(kit.post(kit.chat(), header))).status == 200
        told = [head.partition(b"x-stainless-retry-count: ")[2][:1] for head in heads]
        assert told == [b"", b"", b"1", b"2"]

    play(scene)


def test_an_official_client_that_was_turned_away_comes_again_and_is_served(play: Any, kit: Any) -> None:
    """Nothing was tried for it, so it may: it waits as long as it was told, and says that it repeats."""
    refused = asyncio.Event()

    async def seen(response: Any) -> None:
        if response.status_code == 503:
            refused.set()

    async def scene(stage: Any) -> None:
        gateway, counter, first = await occupied(stage, kit, queue_max=0)
        async with openai.AsyncOpenAI(
            base_url=f"http://127.0.0.1:{gateway.port}/v1",
            api_key="x",
            max_retries=1,
            http_client=openai.DefaultAsyncHttpxClient(event_hooks={"response": [seen]}),
        ) as client:
            asking = asyncio.ensure_future(
                client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
            )
            await asyncio.wait_for(refused.wait(), 5)
            counter.go(2)
            assert (await first.response()).status == 200
            assert (await asking).choices
        assert b"x-stainless-retry-count: 1" in counter.heads[1].lower()

    play(scene)


def test_only_as_many_are_asked_as_find_room(play: Any, kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With hundreds in a line, asking those behind in vain costs more than all the rest."""
    asked = []

    def counted(self: Line, place: Any) -> bool:
        took = ask(self, place)
        asked.append(took)
        return took

    ask = Line._ask
    monkeypatch.setattr(Line, "_ask", counted)

    async def scene(stage: Any) -> None:
        gateway, counter, first = await occupied(stage, kit)
        clients = await line_up(stage, kit, gateway, [("u",)] * 20)
        assert asked == []
        counter.go(21)
        assert [(await client.response()).status for client in (first, *clients)] == [200] * 21
        assert asked == [True] * 20

    play(scene)


class Guest:
    """Waits in a line and never takes room."""

    def __init__(self) -> None:
        self.asked = 0

    def on_room(self) -> bool:
        self.asked += 1
        return False

    def on_shed(self, shedding: Shedding) -> None:
        raise AssertionError(shedding)


def test_room_that_is_kept_for_others_wakes_nobody() -> None:
    """At a second target there is room only for those whose first choice it is: for one who can't use the
    first, as long as there is one in the line."""
    policy = PolicyOptions(limit=LimitOptions(initial=2, min=2, max=2))
    targets = [Target(name, "m", "openai") for name in "ab"]
    first, second = states = [
        TargetState(target, Credential(policy.parking), policy, lambda: 0.5, 0.0) for target in targets
    ]
    line = WaitingLines(9).new(states)
    for own in (True, True):
        assert first.limiter.acquire(0.0, own=own)
    assert second.limiter.acquire(0.0, own=False)
    assert second.limiter.has_room_for(0.0, own=True)
    assert not second.limiter.has_room_for(0.0, own=False)
    guest = Guest()
    assert line.join(guest, Demand(), 9.0, 0.0) is None
    line.note([Skip("a/m", Refusal.NO_ROOM.value)])
    line.let_go(0.0)
    line.wake(1, 0.0, lambda: line.has_use_for_room(0.0))
    assert guest.asked == 0
    line.note([Skip("a/m", "it has no tools")])
    line.let_go(0.0)
    assert guest.asked == 1
    line.leave(guest)
    assert line.join(guest, Demand(), 9.0, 0.0) is None
    line.let_go(0.0)
    assert guest.asked == 1


def test_room_that_lost_calls_make_is_room() -> None:
    """They are given up only when somebody asks."""
    policy = PolicyOptions(limit=LimitOptions(initial=1, min=1, max=1))
    target = Target("a", "m", "openai")
    state = TargetState(target, Credential(policy.parking), policy, lambda: 0.5, 0.0)
    line = WaitingLines(9).new([state])
    assert isinstance(state.admit(0.0, only_choice=True), Permit)
    assert not line.has_use_for_room(0.0)
    assert line.has_use_for_room(state.silence.ready_at())


@pytest.mark.parametrize(("asked", "noted"), [({"logprobs": True}, True), ({}, False)])
def test_the_line_knows_who_can_not_use_the_first_target(
    play: Any, kit: Any, asked: dict[str, Any], noted: bool
) -> None:
    """For that one the second is the first choice, so the room that is kept there from guests counts."""

    async def scene(stage: Any) -> None:
        counter = Counter(kit)
        vendors = await stage.lab("anthropic"), await stage.upstream(counter.script)
        policy = PolicyOptions(limit=LimitOptions(initial=2, min=2, max=2))
        gateway = await stage.gateway(*vendors, policy=policy)
        first, second = kit.limiter_of(gateway, 0), kit.limiter_of(gateway, 1)
        assert all(first.acquire(0.0, own=True) for _ in range(2))
        assert all(second.acquire(0.0, own=own) for own in (False, True))
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat(**asked)))
        await stage.until(lambda: gateway.runtime.waiting == 1, lambda: gateway.runtime.waiting)
        second.release(0.0, own=True)
        line = gateway.runtime.routes["m"].line
        assert line.has_use_for_room(asyncio.get_running_loop().time()) is noted
        first.release(0.0, own=True)
        counter.go(1)
        assert (await client.response()).status == 200

    play(scene)

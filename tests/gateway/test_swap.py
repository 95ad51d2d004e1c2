"""A new snapshot takes the place of another: nothing under way is disturbed, nothing learnt is lost."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from halfopen.gateway.server import GatewayServer
from halfopen.policy import JourneyOptions
from halfopen.policy.options import LimitOptions, PolicyOptions

SECRETS = {"KEY": "sk-proj-9f8e7d6c5b4a39281706", "KEY0": "sk-proj-another"}
PROMPT_S = 0.5
"""Sooner than one that waits looks for room by itself."""
ONE = PolicyOptions(limit=LimitOptions(initial=1, min=1, max=1))


def routed(gateway: GatewayServer, *providers: str, **changes: Any) -> Any:
    """The gateway's snapshot with its route leading to these of its providers."""
    snapshot = gateway.runtime.snapshot
    route = snapshot.routes["m"]
    everyone = {state.target.provider: state.target for state in gateway.runtime.routes["all"].states}
    targets = tuple(everyone[name] for name in providers)
    options = changes.pop("options", route.options)
    routes = {**snapshot.routes, "m": replace(route, targets=targets, options=options)}
    return replace(snapshot, routes=routes, **changes)


async def staged(stage: Any, *providers: Any, **settings: Any) -> GatewayServer:
    """A gateway with a route `all` to every provider, and `m` to the first."""
    gateway: GatewayServer = await stage.gateway(*providers, **settings)
    snapshot = gateway.runtime.snapshot
    route = snapshot.routes["m"]
    routes = {"m": replace(route, targets=route.targets[:1]), "all": replace(route, name="all")}
    gateway.adopt(replace(snapshot, routes=routes), SECRETS)
    return gateway


class Held:
    """An upstream that answers a request only when it is let go."""

    def __init__(self, kit: Any) -> None:
        self._kit = kit
        self.seen = 0
        self._room = asyncio.Semaphore(0)

    async def script(self, peer: Any) -> None:
        while True:
            await peer.request()
            self.seen += 1
            await self._room.acquire()
            peer.send(self._kit.ok())

    def go(self, count: int = 1) -> None:
        for _ in range(count):
            self._room.release()


def test_a_request_stays_where_it_began(play: Any, kit: Any) -> None:
    """The next one on the same connection goes where the new snapshot says."""

    async def scene(stage: Any) -> None:
        held = Held(kit)
        gateway = await staged(stage, await stage.upstream(held.script), await stage.lab())
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat()))
        await stage.until(lambda: held.seen == 1, lambda: held.seen)
        gateway.adopt(routed(gateway, "p1"), SECRETS)
        held.go()
        first = await client.response()
        second = await client.ask(kit.post(kit.chat()))
        assert first.headers["x-halfopen-upstream"] == "p0/gpt-4o-mini"
        assert second.headers["x-halfopen-upstream"] == "p1/gpt-4o-mini"
        assert gateway.in_flight == 0

    play(scene)


def test_what_is_known_of_a_target_stays_known(play: Any, kit: Any) -> None:
    """Breaker, limiter and keys are the same objects where nothing of them has changed."""

    async def scene(stage: Any) -> None:
        gateway = await staged(stage, await stage.lab(), await stage.lab())
        before = gateway.runtime
        gateway.adopt(routed(gateway, "p1", "p0"), SECRETS)
        after = gateway.runtime
        assert after is not before
        assert [state.target.provider for state in after.routes["m"].states] == ["p1", "p0"]
        assert after.routes["m"].states[1] is before.routes["m"].states[0]
        assert after.routes["all"] is before.routes["all"]
        assert after.relays["*"].states == before.relays["*"].states
        assert after.credentials == before.credentials

    play(scene)


@pytest.mark.parametrize(
    "changed",
    ["address", "key", "limits", "policy"],
)
def test_a_changed_target_begins_anew(play: Any, kit: Any, changed: str) -> None:
    """What was learnt under other circumstances may not hold. The other targets keep theirs."""

    async def scene(stage: Any) -> None:
        gateway = await staged(stage, await stage.lab(), await stage.lab())
        before = gateway.runtime
        snapshot, secrets = before.snapshot, dict(SECRETS)
        spec = snapshot.providers["p0"]
        policy = snapshot.policy
        if changed == "address":
            spec = replace(spec, base_url=(await stage.lab()).base_url)
        elif changed == "key":
            spec = replace(spec, key="${KEY0}")
        elif changed == "limits":
            spec = replace(spec, limits=replace(spec.limits, requests_per_minute=60.0))
        else:
            policy = replace(policy, limit=LimitOptions(max=50))
        providers = {**snapshot.providers, "p0": spec}
        gateway.adopt(replace(snapshot, providers=providers, policy=policy), secrets)
        old, new = before.routes["all"].states, gateway.runtime.routes["all"].states
        assert new[0] is not old[0]
        assert (new[1] is old[1]) is (changed != "policy")
        assert (gateway.runtime.providers["p0"].pool is before.providers["p0"].pool) is (changed != "address")
        same_keys = gateway.runtime.credentials["p0"] == before.credentials["p0"]
        assert same_keys is (changed in ("limits", "policy"))

    play(scene)


def test_a_key_that_stays_stays_parked(play: Any, kit: Any) -> None:
    """Another key beside it is new; it is not."""

    async def scene(stage: Any) -> None:
        gateway = await staged(stage, await stage.lab())
        (parked,) = gateway.runtime.credentials["p0"]
        spec = gateway.runtime.snapshot.providers["p0"]
        providers = {"p0": replace(spec, key="${KEY0}", more_keys=("${KEY}",))}
        gateway.adopt(replace(gateway.runtime.snapshot, providers=providers), SECRETS)
        fresh, kept = gateway.runtime.credentials["p0"]
        assert kept is parked
        assert fresh is not parked

    play(scene)


def test_connections_to_an_origin_are_kept(play: Any, kit: Any) -> None:
    """The next request after a swap opens none."""

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(kit.answering(kit.ok()))
        gateway = await staged(stage, upstream)
        client = await stage.client(gateway)
        for seconds in (5, 6, 7):
            assert (await client.ask(kit.post(kit.chat()))).status == 200
            gateway.adopt(routed(gateway, "p0", options=JourneyOptions(deadline_s=seconds)), SECRETS)
        assert upstream.connections == 1

    play(scene)


def test_connections_that_nobody_uses_any_more_are_closed(play: Any, kit: Any) -> None:
    """When the last request that has begun under the old snapshot is over, and not before."""

    async def scene(stage: Any) -> None:
        held = Held(kit)
        upstream = await stage.upstream(held.script)
        gateway = await staged(stage, upstream, await stage.lab())
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat()))
        await stage.until(lambda: held.seen == 1, lambda: held.seen)
        snapshot = routed(gateway, "p1")
        routes = {"m": snapshot.routes["m"]}
        providers = {"p1": snapshot.providers["p1"]}
        gateway.adopt(replace(snapshot, routes=routes, providers=providers), SECRETS)
        await stage.hold(lambda: upstream.open == 1, lambda: upstream.open, 0.1)
        held.go()
        assert (await client.response()).status == 200
        await stage.until(lambda: upstream.open == 0, lambda: upstream.open)

    play(scene)


@pytest.mark.parametrize("waits_first", [True, False], ids=["old waits", "new waits"])
def test_room_goes_to_whoever_waits_under_any_snapshot(play: Any, kit: Any, *, waits_first: bool) -> None:
    """A target that both share frees a place: the one in the other's line gets it."""

    async def scene(stage: Any) -> None:
        held = Held(kit)
        gateway = await staged(
            stage, await stage.upstream(held.script), await stage.upstream(held.script), policy=ONE
        )
        clients = [await stage.client(gateway) for _ in range(3)]
        running, waiting = clients[0], clients[1]
        running.send(kit.post(kit.chat()))
        await stage.until(lambda: held.seen == 1, lambda: held.seen)
        if waits_first:
            waiting.send(kit.post(kit.chat()))
            await stage.until(lambda: gateway.runtime.waiting == 1, lambda: gateway.runtime.waiting)
        gateway.adopt(routed(gateway, "p0", "p1"), SECRETS)  # another line: other targets
        if not waits_first:
            # Both places are taken, the second one by this.
            clients[2].send(kit.post(kit.chat()))
            await stage.until(lambda: held.seen == 2, lambda: held.seen)
            waiting.send(kit.post(kit.chat()))
            await stage.until(lambda: gateway.runtime.waiting == 1, lambda: gateway.runtime.waiting)
        assert gateway.runtime.waiting == 1
        held.go()
        await stage.until(lambda: gateway.runtime.waiting == 0, lambda: gateway.runtime.waiting, PROMPT_S)
        held.go(3)
        assert (await waiting.response()).status == 200
        assert (await running.response()).status == 200

    play(scene)


def test_a_new_request_that_ends_wakes_an_old_line(play: Any, kit: Any) -> None:
    """The one that waits there began under a snapshot that is gone but for it."""

    async def scene(stage: Any) -> None:
        first, second = Held(kit), Held(kit)
        upstreams = [await stage.upstream(each.script) for each in (first, second)]
        gateway = await staged(stage, *upstreams, policy=ONE)
        gateway.adopt(routed(gateway, "p1", "p0"), SECRETS)
        running, other, old, new = [await stage.client(gateway) for _ in range(4)]
        running.send(kit.post(kit.chat(model="all")))
        await stage.until(lambda: first.seen == 1, lambda: first.seen)
        other.send(kit.post(kit.chat()))
        await stage.until(lambda: second.seen == 1, lambda: second.seen)
        old.send(kit.post(kit.chat()))
        await stage.until(lambda: gateway.runtime.waiting == 1, lambda: gateway.runtime.waiting)
        gateway.adopt(routed(gateway, "p0"), SECRETS)
        new.send(kit.post(kit.chat()))
        await stage.until(lambda: gateway.runtime.waiting == 2, lambda: gateway.runtime.waiting)
        first.go()
        assert (await running.response()).status == 200
        # The target's own users go before those that fail over to it.
        await stage.until(lambda: first.seen == 2, lambda: first.seen)
        assert gateway.runtime.waiting == 1
        first.go()
        assert (await new.response()).status == 200
        await stage.until(lambda: first.seen == 3, lambda: first.seen, PROMPT_S)
        first.go()
        second.go()
        assert (await old.response()).headers["x-halfopen-upstream"] == "p0/gpt-4o-mini"
        assert (await other.response()).status == 200
        assert gateway.runtime.waiting == 0
        await stage.until(lambda: not gateway._earlier, lambda: gateway._earlier)

    play(scene)


def test_a_secret_that_is_missing_changes_nothing(play: Any, kit: Any) -> None:
    """The old snapshot goes on."""

    async def scene(stage: Any) -> None:
        gateway = await staged(stage, await stage.lab())
        before = gateway.runtime
        spec = replace(before.snapshot.providers["p0"], key="${ELSEWHERE}")
        with pytest.raises(KeyError, match="ELSEWHERE"):
            gateway.adopt(replace(before.snapshot, providers={"p0": spec}), SECRETS)
        assert gateway.runtime is before
        client = await stage.client(gateway)
        assert (await client.ask(kit.post(kit.chat()))).status == 200

    play(scene)


def test_draining_is_told_on_connections_of_every_snapshot(play: Any, kit: Any) -> None:
    """A client that connected before a swap hears of the end as well."""

    async def scene(stage: Any) -> None:
        gateway = await staged(stage, await stage.lab())
        client = await stage.client(gateway)
        assert (await client.ask(kit.get("/healthz"))).status == 200
        gateway.adopt(routed(gateway, "p0", options=JourneyOptions(deadline_s=7)), SECRETS)
        stopping = asyncio.ensure_future(gateway.stop(drain_s=5))
        await asyncio.sleep(0.01)
        response = await client.ask(kit.get("/readyz"))
        assert (response.status, response.headers["connection"]) == (503, "close")
        await stopping

    play(scene)


def test_more_connections_are_let_in_when_a_snapshot_allows_them(play: Any, kit: Any) -> None:
    """At once, not when the next client leaves."""

    async def scene(stage: Any) -> None:
        import msgspec

        gateway = await staged(stage, await stage.lab(), connections_max=1)
        first, second = await stage.client(gateway), await stage.client(gateway)
        assert (await first.ask(kit.get("/healthz"))).status == 200
        await stage.until(lambda: gateway.connections == 2, lambda: gateway.connections)
        snapshot = gateway.runtime.snapshot
        wider = msgspec.structs.replace(snapshot.gateway, connections_max=2)
        gateway.adopt(replace(snapshot, gateway=wider), SECRETS)
        for client in (first, second):
            response = await client.ask(kit.get("/healthz"))
            assert (response.status, response.headers.get("connection")) == (200, None)

    play(scene)


@pytest.mark.parametrize("wider", [True, False])
def test_a_connection_keeps_to_the_bounds_of_the_new_snapshot(play: Any, kit: Any, *, wider: bool) -> None:
    """From its next request on: whoever raises a bound need not wait until every client connects anew."""

    async def scene(stage: Any) -> None:
        import msgspec

        small, large = 2048, 100_000
        gateway = await staged(stage, await stage.lab(), request_max_bytes=small if wider else large)
        client = await stage.client(gateway)
        assert (await client.ask(kit.post(kit.chat()))).status == 200
        snapshot = gateway.runtime.snapshot
        bounds = msgspec.structs.replace(snapshot.gateway, request_max_bytes=large if wider else small)
        gateway.adopt(replace(snapshot, gateway=bounds), SECRETS)
        long = kit.chat(messages=[{"role": "user", "content": "x" * 5000}])
        assert (await client.ask(kit.post(long))).status == (200 if wider else 413)

    play(scene)


def test_a_request_that_has_begun_keeps_its_bounds(play: Any, kit: Any) -> None:
    """What was allowed when it began is allowed to its end."""

    async def scene(stage: Any) -> None:
        import msgspec

        gateway = await staged(stage, await stage.lab(), request_max_bytes=100_000)
        client = await stage.client(gateway)
        request = kit.post(kit.chat(messages=[{"role": "user", "content": "x" * 5000}]))
        client.send(request[:1000])
        await asyncio.sleep(0.02)
        snapshot = gateway.runtime.snapshot
        bounds = msgspec.structs.replace(snapshot.gateway, request_max_bytes=2048)
        gateway.adopt(replace(snapshot, gateway=bounds), SECRETS)
        client.send(request[1000:])
        assert (await client.response()).status == 200

    play(scene)

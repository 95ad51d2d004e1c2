"""Names of models with a date: many clients send them, and they mean the model that is dated."""

import json
from dataclasses import replace
from typing import Any

import pytest


def routed(gateway: Any, *names: str) -> None:
    """The gateway's one route under other names."""
    runtime = gateway.runtime
    route = runtime.routes.pop("m")
    runtime.routes |= dict.fromkeys(names, route)


DATED = {
    "claude-haiku-4-5-20251001": "claude-haiku-4-5",
    "claude-sonnet-4-5-20250929": "claude-sonnet-4-5",
    "gpt-4o-mini-2024-07-18": "gpt-4o-mini",
    "gemini-2.5-flash": "gemini-2.5-flash",
}


@pytest.mark.parametrize(("dated", "name"), DATED.items(), ids=DATED)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1beta/models"])
def test_a_dated_name_goes_by_the_route_of_its_model(
    play: Any, kit: Any, dated: str, name: str, path: str
) -> None:
    """In every dialect, without a route of its own."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(kit.answering(kit.ok())))
        routed(gateway, name)
        said = [{"role": "user", "content": "hello"}]
        body: dict[str, Any] = {"model": dated, "messages": said, "max_tokens": 100}
        if path == "/v1beta/models":
            path_now = f"{path}/{dated}:generateContent"
            body = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
        else:
            path_now = path
        response = await (await stage.client(gateway)).ask(kit.post(json.dumps(body).encode(), path=path_now))
        assert response.status == 200, response.body
        assert stage.outcomes[0].served_by == "p0/gpt-4o-mini"

    play(scene)


def test_a_route_of_that_very_name_comes_first(play: Any, kit: Any) -> None:
    """Whoever configures a dated model gets that."""

    async def scene(stage: Any) -> None:
        upstreams = [await stage.upstream(kit.answering(kit.ok())) for _ in range(2)]
        gateway = await stage.gateway(*upstreams)
        routes = gateway.runtime.routes
        routes["gpt-4o"] = routes.pop("m")
        state = routes["gpt-4o"].states[1]
        first = routes["gpt-4o"]
        own = type(first)(
            "gpt-4o-2024-08-06", first.options, [state], first.line, retry=first.retry, entropy=lambda: 0.5
        )
        routes["gpt-4o-2024-08-06"] = own
        client = await stage.client(gateway)
        for model in ("gpt-4o-2024-08-06", "gpt-4o", "gpt-4o-2024-05-13"):
            assert (await client.ask(kit.post(kit.chat(model=model)))).status == 200
        served = [outcome.served_by for outcome in stage.outcomes]
        assert served == ["p1/gpt-4o-mini", "p0/gpt-4o-mini", "p0/gpt-4o-mini"]

    play(scene)


@pytest.mark.parametrize(
    "model", ["gpt-4o-mini-2024", "gpt-4o-mini-high", "other-2024-07-18", "-2024-07-18", ""]
)
def test_what_is_no_date_is_another_model(play: Any, kit: Any, model: str) -> None:
    """Nothing is guessed: an unknown name is refused."""

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(kit.answering(kit.ok()))
        gateway = await stage.gateway(upstream)
        routed(gateway, "gpt-4o-mini")
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(model=model)))
        assert response.status in (400, 404)
        assert upstream.requests == upstream.connections == 0

    play(scene)


def test_a_dated_name_is_found_among_the_models(play: Any, kit: Any) -> None:
    """A client that asks whether its model is there is told of the route that serves it."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(kit.answering(kit.ok())))
        routed(gateway, "claude-haiku-4-5")
        route = gateway.runtime.routes["claude-haiku-4-5"]
        route.name = "claude-haiku-4-5"
        route.states[0].target = replace(route.states[0].target)
        request = kit.get("/v1/models/claude-haiku-4-5-20251001", "anthropic-version: 2023-06-01")
        response = await (await stage.client(gateway)).ask(request)
        assert (response.status, response.json["type"]) == (200, "model")

    play(scene)

"""A defect of ours is one error for one client, in that client's own words."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from halfopen.gateway.delivery import Delivery
from halfopen.gateway.provider import ProviderRuntime
from halfopen.gateway.resumption import Resumption
from halfopen.gateway.runtime import Runtime

SAID = [{"role": "user", "content": "hello"}]
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"model": "m", "messages": SAID}),
    "responses": ("/v1/responses", {"model": "m", "input": "hello"}),
    "messages": ("/v1/messages", {"model": "m", "messages": SAID, "max_tokens": 100}),
    "generate": (
        "/v1beta/models/m:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
    ),
}
IDS = {"messages": "request-id"}


def broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError("planted")


def in_handling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before there is an exchange."""
    monkeypatch.setattr(Runtime, "route_for", broken)


def in_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the upstream's request is made."""
    monkeypatch.setattr(ProviderRuntime, "request", broken)


def in_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a call has failed."""
    monkeypatch.setattr(Resumption, "failed", broken)


PLACES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "handling": in_handling,
    "sending": in_sending,
    "counting": in_counting,
}


def asked(kit: Any, dialect: str, *, stream: bool) -> bytes:
    path, body = ASKED[dialect]
    if stream and dialect == "generate":
        path = path.replace("generateContent", "streamGenerateContent") + "?alt=sse"
    elif stream:
        body = body | {"stream": True}
    request: bytes = kit.post(json.dumps(body).encode(), path=path)
    return request


def assert_own_form(dialect: str, body: Any, request_id: str) -> None:
    """The error as the dialect's official client expects it, with our part inside."""
    if dialect == "messages":
        assert (body["type"], body["error"]["type"]) == ("error", "api_error")
        assert body["request_id"]
    elif dialect == "generate":
        body = body[0] if isinstance(body, list) else body
        assert (body["error"]["code"], body["error"]["status"]) == (500, "INTERNAL")
    else:
        assert {"message", "type", "param", "code"} <= set(body["error"])
    assert body["error"]["message"]
    ours = body["error"]["halfopen"]
    assert (ours["kind"], ours["request_id"]) == ("gateway_error", request_id)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dialect", ASKED)
def test_a_defect_is_told_in_the_clients_dialect(
    play: Any, kit: Any, monkeypatch: pytest.MonkeyPatch, dialect: str, place: str, stream: bool
) -> None:
    """Wherever it is, the client gets one proper 500 with an id, and the connection serves on."""

    async def scene(stage: Any) -> None:
        refusal = kit.ok(b'{"error": {"message": "no"}}', status="500 Internal Server Error")
        upstream = await stage.upstream(kit.answering(refusal))
        gateway = await stage.gateway(upstream, await stage.upstream(kit.answering(refusal)))
        client = await stage.client(gateway)
        with monkeypatch.context() as patch:
            PLACES[place](patch)
            response = await client.ask(asked(kit, dialect, stream=stream))
        assert response.status == 500, response.body
        request_id = response.headers["x-halfopen-request-id"]
        assert response.headers[IDS.get(dialect, "x-request-id")] == request_id
        assert "planted" not in response.body.decode()
        assert_own_form(dialect, response.json, request_id)
        again = await client.ask(kit.get("/healthz"))
        assert again.status == 200
        assert len(gateway.runtime.wheel) <= 1  # the connection's own timer
        assert kit.limiter_of(gateway).in_flight == 0

    play(scene, defects=True)


@pytest.mark.parametrize("dialect", ["chat", "messages", "generate"])
def test_a_defect_in_the_middle_of_a_stream_ends_it_with_an_error(
    play: Any, kit: Any, monkeypatch: pytest.MonkeyPatch, dialect: str
) -> None:
    """What was delivered is followed by the dialect's error event, never by its proper end."""

    async def scene(stage: Any) -> None:
        pieces = [kit.chunk(f"word{number} ") for number in range(3)]

        async def script(peer: Any) -> None:
            await peer.request()
            peer.send(kit.stream_head + b"".join(map(kit.framed, pieces)))
            await peer.gone()

        gateway = await stage.gateway(await stage.upstream(script))
        taken = 0

        def third(way: Any) -> Any:
            def counting(*args: Any) -> None:
                nonlocal taken
                taken += 1
                if taken == 3:
                    raise RuntimeError("planted")
                way(*args)

            return counting

        # The long way, and the short one, which text in the middle goes if its dialect has one.
        for way in ("_write", "pass_bytes"):
            monkeypatch.setattr(Delivery, way, third(getattr(Delivery, way)))
        response = await (await stage.client(gateway)).ask(asked(kit, dialect, stream=True))
        assert (response.status, response.whole) == (200, False)
        assert b"word1" in response.body
        last = response.body.decode().replace("\r\n", "\n").strip().split("\n\n")[-1]
        error = json.loads(last.split("data: ")[-1])["error"]  # Google's clients read a bare line as well
        assert error["halfopen"]["kind"] == "gateway_error"
        assert "planted" not in response.body.decode()
        for end in (b"[DONE]", b"message_stop", b'"finishReason":"STOP"'):
            assert end not in response.body

    play(scene, defects=True)

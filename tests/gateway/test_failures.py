"""Failures as clients see them: no secret, no foreign header, no hang by a defect of ours."""

import asyncio
import json
from typing import Any

import openai
import pytest

from halfopen.gateway.answering import Answering
from halfopen.gateway.delivery import Delivery
from halfopen.gateway.exchange import Exchange
from halfopen.gateway.handler import Handler
from halfopen.gateway.reception import Reception
from halfopen.policy import AfterCommit, JourneyOptions


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("where", ["message", "code", "header", "html", "event", "detail"])
def test_the_providers_key_never_appears(play: Any, kit: Any, where: str, stream: bool) -> None:
    """Even when the upstream echoes it, in whatever part of its error."""
    key = kit.key
    headers: tuple[str, ...] = ()
    status = "401 Unauthorized"
    if where == "message":
        body = json.dumps({"error": {"message": f"Incorrect API key provided: {key}."}}).encode()
    elif where == "code":
        body = json.dumps({"error": {"message": "no", "code": key, "type": key, "param": key}}).encode()
    elif where == "header":
        body = b'{"error":{"message":"no"}}'
        headers = (f"x-request-id: {key}", f"x-echo: {key}")
    elif where == "html":
        body = f"<html><title>{key}</title>Authorization: Bearer {key}</html>".encode()
        status = "502 Bad Gateway"
    else:
        body = json.dumps({"error": {"message": "no", "metadata": {"raw": f'{{"k":"{key}"}}'}}}).encode()
        status = "500 Internal Server Error"

    async def script(peer: Any) -> None:
        while True:
            await peer.request()
            if where == "event" and stream:
                peer.send(kit.stream_head + kit.framed(kit.chunk("some")))
                error = json.dumps({"error": {"message": f"key {key} died"}}).encode()
                peer.send(kit.framed(b"data: " + error + b"\n\n") + b"0\r\n\r\n")
            else:
                peer.send(kit.ok(body, *headers, status=status))

    async def scene(stage: Any) -> None:
        options = JourneyOptions(attempts=1)
        gateway = await stage.gateway(await stage.upstream(script), options=options)
        client = await stage.client(gateway)
        response = await client.ask(kit.post(kit.chat(stream=stream)))
        seen = repr((response.headers, response.body, stage.outcomes))
        assert "error" in seen
        assert key not in seen
        assert key[8:] not in seen

    play(scene)


def test_a_key_with_a_line_end_is_sent_without_it(play: Any, kit: Any) -> None:
    """As files and shells leave it; it must not end the request's head."""

    async def scene(stage: Any) -> None:
        provider = await stage.lab(key=kit.key)
        gateway = await stage.gateway(provider, key=f"{kit.key}\r\n")
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat()))
        assert response.status == 200

    play(scene)


def test_a_good_answers_id_is_passed_on_without_secrets(play: Any, kit: Any) -> None:
    """The provider's request id reaches the client, for the provider's support."""

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(kit.answering(kit.ok(kit.ok_body, "x-request-id: req_123")))
        gateway = await stage.gateway(upstream)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat()))
        assert response.headers["x-request-id"] == "req_123"

    play(scene)


@pytest.mark.parametrize("value", ["a\x01b", "a\x7fb", "a\x85b", "a\u2028b"], ids=repr)
def test_an_upstreams_value_adds_no_header(play: Any, kit: Any, value: str) -> None:
    """Control characters in what an upstream says never reach a head."""
    from halfopen.gateway.head import response_head

    head = response_head(200, [("x-request-id", f"{value}\r\nx-evil: 1\n\rx: y\x00")], b"", b"")
    assert head.count(b"\r\n") == 3
    assert b"\nx-evil" not in head

    async def scene(stage: Any) -> None:
        raw = kit.ok(kit.ok_body).replace(
            b"\r\n\r\n", b"\r\nx-request-id: " + value.encode("utf-8") + b"\r\n\r\n", 1
        )
        backup = await stage.upstream(kit.answering(kit.ok()))
        gateway = await stage.gateway(await stage.upstream(kit.answering(raw)), backup)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat()))
        assert response.status == 200
        assert response.headers.get("x-request-id", "").isprintable()

    play(scene)


DEFECTS = [
    (Handler, "handle"),
    (Handler, "_ask"),
    (Exchange, "_send"),
    (Answering, "headers"),
    (Exchange, "_complete"),
    (Reception, "on_head"),
    (Reception, "on_data"),
    (Reception, "on_end"),
    (Delivery, "take"),
    (Delivery, "complete"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize(("owner", "name"), DEFECTS, ids=[f"{o.__name__}.{n}" for o, n in DEFECTS])
def test_a_defect_of_ours_is_an_error_and_no_hang(
    play: Any,
    kit: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    owner: type,
    name: str,
    stream: bool,
) -> None:
    """A raise anywhere on the way: a 500 or a broken-off stream at once, logged; the next one is served."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab(), options=JourneyOptions(attempts=1))
        client = await stage.client(gateway)

        def broken(*_: object) -> None:
            raise ZeroDivisionError("planted")

        with monkeypatch.context() as patch:
            patch.setattr(owner, name, broken)
            response = await client.ask(kit.post(kit.chat(stream=stream)))
        if owner is Delivery and not stream:
            assert response.status == 200
        elif name == "on_end" and stream:
            assert response.whole  # all was said before
        elif response.status == 200:
            assert not response.whole
            assert b'"error"' in response.body
        else:
            # A response that can't be read is the target's fault, so that another may answer.
            response.assert_openai_error(502 if owner is Reception else 500)
            assert "planted" not in response.body.decode()
        assert kit.limiter_of(gateway).in_flight == 0
        assert (await (await stage.client(gateway)).ask(kit.post(kit.chat()))).status == 200
        assert gateway.runtime.waiting == 0

    play(scene, defects=True)
    if not (owner is Delivery and not stream):
        assert any("failed by a defect" in record.getMessage() for record in caplog.records)
    caplog.clear()


def test_a_defect_in_a_timer_leaves_the_wheel_turning(play: Any, kit: Any, monkeypatch: Any) -> None:
    """The others are still woken."""

    async def scene(stage: Any) -> None:
        from halfopen.gateway.connection import Connection

        gateway = await stage.gateway(await stage.lab(), request_timeout_s=0.1)
        client = await stage.client(gateway)
        original = Connection.on_timer
        with monkeypatch.context() as patch:
            patch.setattr(Connection, "on_timer", lambda *_: 1 / 0)
            client.send(b"GET")
            await stage.until(lambda: len(gateway.runtime.wheel) == 0, lambda: len(gateway.runtime.wheel))
        assert Connection.on_timer is original
        other = await stage.client(gateway)
        (await other.ask(b"GET")).assert_openai_error(408)

    play(scene, defects=True)


@pytest.mark.parametrize("how", ["reset", "error event", "clean end", "stall"])
def test_a_stream_that_breaks_is_broken_off_for_the_client(play: Any, kit: Any, how: str) -> None:
    """What came is delivered, then one error event, then an end that is none; the SDK raises."""

    async def script(peer: Any) -> None:
        await peer.request()
        peer.send(kit.stream_head + kit.framed(kit.chunk("one ") + kit.chunk("two")))
        await peer.writer.drain()
        if how == "reset":
            await asyncio.sleep(0.02)
            peer.reset()
        elif how == "error event":
            peer.send(kit.framed(b'data: {"error":{"message":"overloaded"}}\n\n') + b"0\r\n\r\n")
        elif how == "clean end":
            peer.send(b"0\r\n\r\n")
            await script(peer)
        await peer.gone()

    async def scene(stage: Any) -> None:
        backup = await stage.lab()
        options = JourneyOptions(stall_s=0.15, after_commit=AfterCommit.ERROR)
        gateway = await stage.gateway(await stage.upstream(script), backup, options=options)
        client = await stage.client(gateway)
        response = await client.ask(kit.post(kit.chat(stream=True)))
        assert not response.whole
        *events, last = response.body.decode().strip().split("\n\n")
        assert [json.loads(each[6:])["choices"][0]["delta"]["content"] for each in events] == ["one ", "two"]
        assert json.loads(last[6:])["error"]["halfopen"]["kind"]
        assert len(backup.calls) == 0
        (outcome,) = stage.outcomes
        assert outcome.fault is not None
        async with openai.AsyncOpenAI(
            base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key="x", max_retries=0
        ) as official:
            stream = await official.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "x"}], stream=True
            )
            with pytest.raises(openai.APIError):
                async for _ in stream:
                    pass

    play(scene)

"""A client's connection: versions, methods and pipelining, as the protocol has them."""

import asyncio
from typing import Any

import pytest


def test_http_1_0_is_answered_and_closed(play: Any, kit: Any) -> None:
    """A plain answer with its length, then the end."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab())
        client = await stage.client(gateway)
        response = await client.ask(kit.post(kit.chat(), version="1.0"))
        assert (response.status, response.headers["connection"]) == (200, "close")
        assert response.json["choices"]
        assert await client.ended() == b""

    play(scene)


def test_http_1_0_streams_until_the_end(play: Any, kit: Any) -> None:
    """Without chunks, which it does not know."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab())
        client = await stage.client(gateway)
        response = await client.ask(kit.post(kit.chat(stream=True), "connection: keep-alive", version="1.0"))
        assert "transfer-encoding" not in response.headers
        assert response.headers["connection"] == "close"
        assert response.body.startswith(b"data: ")
        assert response.body.endswith(b"data: [DONE]\n\n")

    play(scene)


def test_http_1_0_may_keep_its_connection(play: Any, kit: Any) -> None:
    """When it asks to, and is told so."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab())
        client = await stage.client(gateway)
        for _ in range(3):
            response = await client.ask(kit.post(kit.chat(), "connection: keep-alive", version="1.0"))
            assert (response.status, response.headers["connection"]) == (200, "keep-alive")

    play(scene)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/v1/models", "/v1/models/m", "/nothing"])
def test_head_is_get_without_the_body(play: Any, kit: Any, path: str) -> None:
    """The same head, with the length that GET would have."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab())
        client = await stage.client(gateway)
        got = await client.ask(kit.get(path))
        head = await client.ask(kit.get(path, method="HEAD"), method="HEAD")
        assert (head.status, head.body) == (got.status, b"")
        assert int(head.headers["content-length"]) == len(got.body)
        assert (await client.ask(kit.get(path))).status == got.status

    play(scene)


def test_models_are_listed_and_found(play: Any, kit: Any) -> None:
    """By name, also when it is percent-encoded."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab())
        client = await stage.client(gateway)
        listed = (await client.ask(kit.get("/v1/models"))).json
        assert [model["id"] for model in listed["data"]] == ["m"]
        assert (await client.ask(kit.get("/v1/models/%6D"))).json["id"] == "m"
        (await client.ask(kit.get("/v1/models/n"))).assert_openai_error(404)

    play(scene)


def test_expect_is_answered_before_the_body(play: Any, kit: Any) -> None:
    """A client that waits for 100 Continue gets it, then its answer."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab())
        client = await stage.client(gateway)
        data = kit.post(kit.chat(), "expect: 100-continue")
        head, _, body = data.partition(b"\r\n\r\n")
        assert (await client.ask(head + b"\r\n\r\n")).status == 100
        assert (await client.ask(body)).status == 200
        # With the body at once nobody waits for anything.
        client.send(data)
        statuses = [(await client.response()).status]
        if statuses == [100]:
            statuses.append((await client.response()).status)
        assert statuses[-1] == 200

    play(scene)


def test_expect_behind_another_request_is_answered_in_its_turn(play: Any, kit: Any) -> None:
    """Not in the middle of the answer before it, and not never."""

    async def script(peer: Any) -> None:
        await peer.request()
        await asyncio.sleep(0.05)
        peer.send(kit.ok())
        await kit.answering(kit.ok())(peer)

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(script))
        client = await stage.client(gateway)
        head, _, body = kit.post(kit.chat(), "expect: 100-continue").partition(b"\r\n\r\n")
        client.send(kit.post(kit.chat()) + head + b"\r\n\r\n")
        assert [(await client.response()).status for _ in range(2)] == [200, 100]
        assert (await client.ask(body)).status == 200

    play(scene)


def test_an_expectation_that_will_be_refused_is_refused_at_once(play: Any, kit: Any) -> None:
    """413 instead of 100 Continue."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab(), request_max_bytes=1024)
        client = await stage.client(gateway)
        data = b"POST /v1/x HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2000\r\n\r\n"
        (await client.ask(data)).assert_openai_error(413)

    play(scene)


def test_pipelined_requests_are_answered_in_order(play: Any, kit: Any) -> None:
    """Slow and quick, plain and streamed, one after the other."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab(pace_s=0.002))
        client = await stage.client(gateway)
        client.send(
            kit.post(kit.chat(stream=True))
            + kit.get("/healthz")
            + kit.post(kit.chat())
            + kit.get("/nothing")
            + kit.post(kit.chat(stream=True))
        )
        found = [await client.response() for _ in range(5)]
        assert [each.status for each in found] == [200, 200, 200, 404, 200]
        assert found[0].body.endswith(b"data: [DONE]\n\n")
        assert found[1].json == {"status": "ok"}
        assert found[2].json["object"] == "chat.completion"
        assert found[4].body.endswith(b"data: [DONE]\n\n")

    play(scene)


def test_a_long_row_of_small_requests_is_answered(play: Any, kit: Any) -> None:
    """Answered on the spot, however many came in one piece."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab())
        client = await stage.client(gateway)
        client.send(kit.get("/healthz") * 2000)
        for _ in range(2000):
            assert (await client.response()).status == 200

    play(scene)


def test_too_many_pipelined_requests_are_refused_after_the_answers(play: Any, kit: Any) -> None:
    """What was taken is answered first, then comes 429 and the end."""

    async def script(peer: Any) -> None:
        await peer.request()
        await asyncio.sleep(0.05)
        peer.send(kit.ok())
        await kit.answering(kit.ok())(peer)

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(script))
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat()) * 20)
        assert [(await client.response()).status for _ in range(9)] == [200] * 9
        (await client.response()).assert_openai_error(429)
        assert await client.ended() == b""

    play(scene)


def test_rubbish_behind_a_request_does_not_cost_its_answer(play: Any, kit: Any) -> None:
    """First the answer, then the refusal, then the end."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab())
        for stream in (False, True):
            client = await stage.client(gateway)
            first = await client.ask(kit.post(kit.chat(stream=stream)) + b"rubbish\r\n\r\n")
            assert (first.status, first.whole) == (200, True)
            (await client.response()).assert_openai_error(400)
            assert await client.ended() == b""

    play(scene)


def test_a_request_after_the_last_one_is_not_served(play: Any, kit: Any) -> None:
    """What follows `connection: close` is not begun, and the answer is still whole."""

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(kit.answering(kit.ok()))
        gateway = await stage.gateway(upstream)
        client = await stage.client(gateway)
        response = await client.ask(kit.post(kit.chat(), "connection: close") + kit.post(kit.chat()))
        assert (response.status, response.headers["connection"]) == (200, "close")
        assert await client.ended() == b""
        assert len(stage.outcomes) == 1

    play(scene)


def test_an_offer_of_http_2_is_answered_in_http_1_1(play: Any, kit: Any) -> None:
    """As Java's client sends it by default."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab())
        client = await stage.client(gateway)
        offer = ("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAEAAEAA")
        for _ in range(2):
            response = await client.ask(kit.post(kit.chat(), *offer))
            assert response.status == 200
            assert response.json["choices"][0]["message"]["content"]

    play(scene)


def test_a_body_in_tiny_chunks_is_read(play: Any, kit: Any) -> None:
    """One byte a chunk, in one piece and in many."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab())
        client = await stage.client(gateway)
        body = b"".join(kit.framed(bytes([each])) for each in kit.chat()) + b"0\r\n\r\n"
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        assert (await client.ask(head + body)).status == 200
        client.send(head)
        for start in range(0, len(body), 5):
            client.send(body[start : start + 5])
            await asyncio.sleep(0)
        assert (await client.response()).status == 200

    play(scene)


def test_every_answer_says_how_it_came_about(play: Any, kit: Any) -> None:
    """Request id, upstream and attempts, whole, streamed and failed; each request has its own id."""

    async def scene(stage: Any) -> None:
        error = kit.ok(b'{"error":{"message":"no"}}', status="500 Internal Server Error")
        gateway = await stage.gateway(await stage.upstream(kit.answering(error)), await stage.lab())
        client = await stage.client(gateway)
        ids = set()
        for stream in (False, True):
            response = await client.ask(kit.post(kit.chat(stream=stream)))
            assert response.headers["x-halfopen-upstream"] == "p1/gpt-4o-mini"
            assert response.headers["x-halfopen-attempts"] == "2"
            ids.add(response.headers["x-halfopen-request-id"])
        assert len(ids) == 2
        assert {outcome.request_id for outcome in stage.outcomes} == ids

    play(scene)

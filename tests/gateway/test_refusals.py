"""What can't be served is refused at once, in OpenAI's error shape, readable by the client."""

import asyncio
from typing import Any

import openai
import pytest

CHAT = "/v1/chat/completions"


def refusal(play: Any, kit: Any, data: bytes, status: int, **settings: Any) -> dict[str, Any]:
    """Send bytes, expect an error and then the end; give back the error."""
    found: dict[str, Any] = {}

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(kit.answering(kit.ok()))
        gateway = await stage.gateway(upstream, **settings)
        client = await stage.client(gateway)
        response = await client.ask(data)
        found.update(response.assert_openai_error(status))
        found["headers"] = response.headers
        assert upstream.connections == 0
        if response.headers.get("connection") == "close":
            assert await client.ended() == b""
        else:
            assert (await client.ask(kit.get("/healthz"))).status == 200

    play(scene)
    return found


def test_a_wrong_method_is_told_the_right_one(play: Any, kit: Any) -> None:
    """405 with Allow."""
    error = refusal(play, kit, kit.post(b"{}", path=CHAT, method="PUT"), 405)
    assert error["headers"]["allow"] == "POST"
    assert "POST" in error["message"]
    assert refusal(play, kit, kit.post(b"{}", path="/v1/models"), 405)["headers"]["allow"] == "GET"


def test_an_unknown_path_is_told_a_near_one(play: Any, kit: Any) -> None:
    """404 with a hint."""
    error = refusal(play, kit, kit.post(kit.chat(), path="/v1/chat/completion"), 404)
    assert "Did you mean /v1/chat/completions?" in error["message"]


def test_an_unknown_model_is_told_a_near_one(play: Any, kit: Any) -> None:
    """404 with a hint and the code that SDK users know."""
    error = refusal(play, kit, kit.post(kit.chat(model="mm")), 404)
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert "Did you mean m?" in error["message"]


@pytest.mark.alone
def test_a_huge_unknown_model_costs_no_time(play: Any, kit: Any) -> None:
    """A name of ten million characters is refused as quickly as a short one."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(kit.answering(kit.ok())))
        client = await stage.client(gateway)
        data = kit.post(kit.chat(model="m" * 10_000_000))
        client.send(data)
        await client.writer.drain()
        response = await client.response(end_s=1.0)
        response.assert_openai_error(404)
        assert len(response.body) < 3000

    play(scene)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"model": "m", "messages": [}', "byte"),
        (b'{"model": "m", "messages": "hello"}', "messages"),
        (b'{"model": "m", "messages": [{"content": "x"}]}', "messages[0].role"),
        (b'{"messages": []}', "model"),
        (b"", "empty"),
        (b'{"model": "m"', "cut"),
        (b'{"model": "\xff", "messages": [{"role": "user"}]}', "UTF-8"),
        (b"[" * 100_000, "JSON"),
    ],
    ids=["malformed", "wrong type", "no role", "no model", "empty", "cut", "not UTF-8", "deep"],
)
def test_bad_json_is_told_where(play: Any, kit: Any, body: bytes, place: str) -> None:
    """400 with the place."""
    error = refusal(play, kit, kit.post(body), 400)
    assert error["type"] == "invalid_request_error"
    assert place in error["message"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nhost: x\r\na: " + b"b" * 5000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 150 + b"\r\n", 431),
        (b"rubbish\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n", 501),
    ],
    ids=["target", "header", "headers", "rubbish", "no host", "CL+TE", "TE"],
)
def test_bad_http_is_refused_in_the_same_shape(play: Any, kit: Any, data: bytes, status: int) -> None:
    """And the connection ends, since nobody knows where the next request would begin."""
    error = refusal(play, kit, data, status, header_max_bytes=4096)
    assert error["headers"]["connection"] == "close"


@pytest.mark.parametrize("framing", ["content-length", "chunks"])
def test_an_oversized_body_is_refused_while_it_is_still_sent(play: Any, kit: Any, framing: str) -> None:
    """The client gets to read the 413, not a reset, although it goes on sending."""
    size = 8 * 1024 * 1024

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(
            await stage.upstream(kit.answering(kit.ok())), request_max_bytes=1024 * 1024
        )
        client = await stage.client(gateway)
        if framing == "content-length":
            client.send(b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (CHAT.encode(), size))
            pieces = [b"x" * 65536] * (size // 65536)
        else:
            client.send(b"POST %b HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" % CHAT.encode())
            pieces = [kit.framed(b"x" * 65536)] * (size // 65536)
        for piece in pieces:
            client.send(piece)
            await client.writer.drain()
        (await client.response()).assert_openai_error(413)
        assert await client.ended() == b""
        await client.close()
        await stage.until(lambda: gateway.connections == 0, lambda: gateway.connections)

    play(scene)


@pytest.mark.alone
@pytest.mark.parametrize("part", [b"POST /v1/x HTTP/1.1\r\nhost: x", None], ids=["head", "body"])
def test_a_slow_request_is_refused(play: Any, kit: Any, part: bytes | None) -> None:
    """408 once the request's time is over, although bytes keep coming."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(kit.answering(kit.ok())), request_timeout_s=0.3)
        client = await stage.client(gateway)
        client.send(part or b"POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n")

        async def drip() -> None:
            while True:
                client.send(b"x")
                await asyncio.sleep(0.05)

        task = asyncio.ensure_future(drip())
        (await client.response(end_s=1.5)).assert_openai_error(408)
        task.cancel()

    play(scene)


@pytest.mark.alone
def test_the_requests_time_begins_with_its_first_byte(play: Any, kit: Any) -> None:
    """A second request on a connection has its own; a silent connection is closed without a word."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(
            await stage.upstream(kit.answering(kit.ok())), request_timeout_s=0.15, idle_timeout_s=1
        )
        client = await stage.client(gateway)
        assert (await client.ask(kit.get("/healthz"))).status == 200
        await stage.hold(lambda: gateway.connections == 1, lambda: gateway.connections, 0.25)
        assert (await client.ask(kit.get("/healthz"))).status == 200
        assert (await client.ask(kit.get("/healthz") + b"GET /hea")).status == 200
        (await client.response(end_s=1.5)).assert_openai_error(408)
        silent = await stage.client(gateway)
        assert await silent.ended() == b""

    play(scene)


@pytest.mark.parametrize(
    ("kwargs", "expected", "status"),
    [
        ({"model": "nope"}, openai.NotFoundError, 404),
        ({"messages": []}, openai.BadRequestError, 400),
        ({"user": "x" * 3_000_000}, openai.APIStatusError, 413),
    ],
    ids=["unknown model", "no messages", "oversized"],
)
def test_the_official_client_understands(
    play: Any, kit: Any, kwargs: dict[str, Any], expected: type[openai.APIStatusError], status: int
) -> None:
    """The right exception with status, code and message, after exactly one request."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(
            await stage.upstream(kit.answering(kit.ok())), request_max_bytes=1024 * 1024
        )
        served = 0
        new_id = gateway.runtime.surroundings.new_id

        def counting() -> str:
            nonlocal served
            served += 1
            return str(new_id())

        object.__setattr__(gateway.runtime.surroundings, "new_id", counting)
        async with openai.AsyncOpenAI(
            base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key="x", max_retries=2
        ) as client:
            arguments = {"model": "m", "messages": [{"role": "user", "content": "x"}], **kwargs}
            with pytest.raises(expected) as caught:
                await client.chat.completions.create(**arguments)
        assert caught.value.status_code == status
        assert caught.value.response.headers["x-should-retry"] == "false"
        assert caught.value.body["halfopen"]["remedy"]
        assert served == 1

    play(scene)


def test_the_official_client_makes_one_request_of_a_final_failure(play: Any, kit: Any) -> None:
    """All upstreams at 500: one request, the upstream's message, no retries by the client."""
    error = b'{"error":{"message":"The server had an error while processing","type":"server_error"}}'

    async def scene(stage: Any) -> None:
        bad = kit.answering(kit.ok(error, status="500 Internal Server Error"))
        gateway = await stage.gateway(await stage.upstream(bad), await stage.upstream(bad))
        async with openai.AsyncOpenAI(
            base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key="x", max_retries=2
        ) as client:
            with pytest.raises(openai.InternalServerError, match="server had an error") as caught:
                await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
        assert len(stage.outcomes) == 1
        assert len(caught.value.body["halfopen"]["attempts"]) >= 2

    play(scene)

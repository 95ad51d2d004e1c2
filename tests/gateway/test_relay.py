"""What is relayed to OpenAI's API as it is: never twice where twice is not once, and nothing added."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from halfopen.gateway.pool import Pool

FORM = (
    b'--xYz\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
    b'--xYz\r\ncontent-disposition: form-data; name="file"; filename="a.bin"\r\n'
    b"content-type: application/octet-stream\r\n\r\n" + bytes(range(256)) * 40 + b"\r\n--xYz--\r\n"
)
FORM_TYPE = "content-type: multipart/form-data; boundary=xYz"
FILE = b'{"id": "file-1", "object": "file"}'


class Desk:
    """An upstream that notes every request, and answers by its number."""

    def __init__(self, answer: Callable[[int, Any], Awaitable[None]]) -> None:
        self.answer = answer
        self.heads: list[str] = []
        self.bodies: list[bytes] = []

    async def __call__(self, peer: Any) -> None:
        while True:
            head = (await peer.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = next(
                int(line.partition(":")[2])
                for line in head.split("\r\n")
                if line.lower().startswith("content-length:")
            )
            self.heads.append(head)
            self.bodies.append(await peer.reader.readexactly(length))
            await self.answer(len(self.heads), peer)

    @property
    def lines(self) -> list[str]:
        """The first line of each request."""
        return [head.partition("\r\n")[0].removesuffix(" HTTP/1.1") for head in self.heads]


def always(answer: bytes) -> Desk:
    async def play(_number: int, peer: Any) -> None:
        peer.send(answer)

    return Desk(play)


def drops_the_second(first: bytes, later: bytes) -> Desk:
    """Answers a connection's first request, and closes on the second without a word: it was stale."""
    seen: set[int] = set()

    async def play(_number: int, peer: Any) -> None:
        if peer.number in seen:
            peer.writer.transport.abort()
            raise ConnectionResetError
        peer.send(later if seen else first)
        seen.add(peer.number)

    return Desk(play)


def idle_of(pool: Pool) -> bool:
    return "1 idle" in repr(pool)


def test_an_upload_never_goes_over_a_connection_that_may_be_stale(play: Any, kit: Any) -> None:
    """It gets a new one: nobody can know whether a server that closes has taken it or not."""

    async def scene(stage: Any) -> None:
        desk = drops_the_second(kit.ok(b'{"data": []}'), kit.ok(FILE))
        gateway = await stage.gateway(await stage.upstream(desk))
        client = await stage.client(gateway)
        assert (await client.ask(kit.get("/v1/files"))).status == 200
        await stage.until(lambda: idle_of(kit.pool_of(gateway)), lambda: kit.pool_of(gateway))
        response = await client.ask(kit.post(FORM, FORM_TYPE, path="/v1/files"))
        assert (response.status, response.json["id"]) == (200, "file-1")
        assert desk.lines == ["GET /v1/files", "POST /v1/files"]

    play(scene)


def test_a_chat_over_a_stale_connection_is_sent_anew(play: Any, kit: Any) -> None:
    """Where twice does no harm the client never learns of it."""

    async def scene(stage: Any) -> None:
        desk = drops_the_second(kit.ok(), kit.ok())
        gateway = await stage.gateway(await stage.upstream(desk))
        client = await stage.client(gateway)
        assert (await client.ask(kit.post(kit.chat()))).status == 200
        await stage.until(lambda: idle_of(kit.pool_of(gateway)), lambda: kit.pool_of(gateway))
        response = await client.ask(kit.post(kit.chat()))
        assert response.status == 200
        assert len(desk.lines) == 3
        assert len(stage.outcomes[1].attempts) == 1

    play(scene)


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        pytest.param("500 Internal Server Error", 1, id="500"),
        pytest.param("502 Bad Gateway", 1, id="502"),
        pytest.param("429 Too Many Requests", 2, id="429"),
    ],
)
def test_an_upload_is_repeated_only_when_it_was_not_begun(
    play: Any, kit: Any, status: str, sent: int
) -> None:
    """A server that fails may have stored the file; one that has too much to do has not looked at it."""

    async def answer(number: int, peer: Any) -> None:
        refusal = b'{"error": {"message": "later", "type": "server_error"}}'
        peer.send(kit.ok(refusal, "retry-after-ms: 10", status=status) if number == 1 else kit.ok(FILE))

    async def scene(stage: Any) -> None:
        desk, other = Desk(answer), always(kit.ok(FILE))
        gateway = await stage.gateway(await stage.upstream(desk), await stage.upstream(other))
        response = await (await stage.client(gateway)).ask(kit.post(FORM, FORM_TYPE, path="/v1/files"))
        assert len(desk.bodies) == sent
        assert desk.bodies == [FORM] * sent
        assert other.lines == []
        if sent == 1:
            response.assert_openai_error(int(status[:3]))
        else:
            assert response.status == 200

    play(scene)


@pytest.mark.parametrize("failure", ["refused", "500"])
def test_a_moderation_fails_over_to_a_second_provider(play: Any, kit: Any, failure: str) -> None:
    """What stores nothing is answered by whoever can, when the first has said no."""

    async def answer(_number: int, peer: Any) -> None:
        peer.send(kit.ok(b'{"error": {"message": "no"}}', status="500 Internal Server Error"))

    async def scene(stage: Any) -> None:
        first = await stage.upstream(Desk(answer))
        second = always(kit.ok(b'{"id": "modr-1", "results": []}'))
        gateway = await stage.gateway(first, await stage.upstream(second))
        if failure == "refused":
            await first.stop()  # nobody listens: nothing of the request was sent
        body = b'{"input": "Is this fine?"}'
        response = await (await stage.client(gateway)).ask(kit.post(body, path="/v1/moderations"))
        assert (response.status, response.json["id"]) == (200, "modr-1")
        assert second.bodies == [body]
        assert stage.outcomes[0].served_by == "p1/*"

    play(scene)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("failure", ["500", "refused"])
def test_a_file_is_asked_for_only_where_it_is(play: Any, kit: Any, method: str, failure: str) -> None:
    """Another provider has other files: it is never asked, whatever becomes of the first."""

    async def scene(stage: Any) -> None:
        refusal = kit.ok(b'{"error": {"message": "no"}}', status="500 Internal Server Error")
        first, second = await stage.upstream(always(refusal)), always(kit.ok(FILE))
        gateway = await stage.gateway(first, await stage.upstream(second), relay_timeout_s=1)
        if failure == "refused":
            await first.stop()
        request = kit.get("/v1/files/file-1", method=method)
        response = await (await stage.client(gateway)).ask(request)
        error = response.assert_openai_error(response.status)
        assert response.status >= 500
        assert second.lines == []
        assert [each["target"] for each in error["halfopen"]["skipped"]] in ([], ["p1/*"])

    play(scene)


@pytest.mark.parametrize("status", ["404 Not Found", "405 Method Not Allowed", "410 Gone"])
def test_what_is_not_there_is_the_providers_own_error(play: Any, kit: Any, status: str) -> None:
    """A wrong file is the client's affair: its own words come back, and no advice on the configuration."""
    own = {
        "message": "No such File object: file-x",
        "type": "invalid_request_error",
        "param": "id",
        "code": "gone",
    }

    async def scene(stage: Any) -> None:
        desk = always(kit.ok(json.dumps({"error": own}).encode(), "x-request-id: req_9", status=status))
        gateway = await stage.gateway(await stage.upstream(desk))
        response = await (await stage.client(gateway)).ask(kit.get("/v1/files/file-x"))
        error = response.assert_openai_error(int(status[:3]))
        assert {name: error[name] for name in own} == own
        assert error["halfopen"]["kind"] == "invalid_request"
        assert error["halfopen"]["verdict"] == "fix_request"
        assert "halfopen.toml" not in error["halfopen"]["remedy"]
        assert response.headers["x-request-id"] == "req_9"
        assert desk.lines == ["GET /v1/files/file-x"]

    play(scene)


def test_head_is_answered_without_a_body(play: Any, kit: Any) -> None:
    """The upstream is asked in full; its status comes back, and the connection stays in step."""

    async def scene(stage: Any) -> None:
        desk = always(kit.ok(FILE))
        gateway = await stage.gateway(await stage.upstream(desk))
        client = await stage.client(gateway)
        head = await client.ask(kit.get("/v1/files/file-1", method="HEAD"), method="HEAD")
        assert (head.status, head.headers["content-length"]) == (200, str(len(FILE)))
        full = await client.ask(kit.get("/v1/files/file-1"))
        assert full.body == FILE
        assert desk.lines == ["GET /v1/files/file-1"] * 2

    play(scene)


def test_a_form_arrives_byte_for_byte(play: Any, kit: Any) -> None:
    """With its type and query, and the answer comes back as it was, whatever its type."""
    answer = bytes(range(256))

    async def scene(stage: Any) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: {len(answer)}\r\n\r\n"
        desk = always(head.encode() + answer)
        gateway = await stage.gateway(await stage.upstream(desk))
        request = kit.post(FORM, FORM_TYPE, path="/v1/files?after=a%20b&x=%2F")
        response = await (await stage.client(gateway)).ask(request)
        assert (response.body, response.headers["content-type"]) == (answer, "audio/mpeg")
        assert desk.bodies == [FORM]
        (line,) = desk.lines
        assert line.startswith("POST /v1/files?after=a")
        assert f"\r\n{FORM_TYPE}\r\n" in desk.heads[0].lower().replace("boundary=xyz", "boundary=xYz")

    play(scene)


def test_a_clients_own_headers_stay_here(play: Any, kit: Any) -> None:
    """Its key is for the gateway, and what else it sends is nobody's business, but for what the API needs."""

    async def scene(stage: Any) -> None:
        desk = always(kit.ok(FILE))
        gateway = await stage.gateway(await stage.upstream(desk))
        private = (
            "authorization: Bearer sk-the-clients-own",
            "cookie: session=1",
            "openai-organization: org-client",
            "x-forwarded-for: 10.0.0.1",
            "x-api-key: sk-the-clients-own",
        )
        kept = ("openai-beta: assistants=v2", "idempotency-key: k-1")
        request = kit.post(b"{}", *private, *kept, "content-type: application/json", path="/v1/threads")
        assert (await (await stage.client(gateway)).ask(request)).status == 200
        (head,) = desk.heads
        lower = head.lower()
        assert f"authorization: bearer {kit.key}" in lower
        assert not [
            each for each in ("sk-the-clients-own", "cookie", "org-client", "10.0.0.1") if each in lower
        ]
        assert all(each in lower for each in kept)

    play(scene)


def test_without_a_provider_that_has_the_api_it_is_said(play: Any, kit: Any) -> None:
    """Claude has no files of OpenAI's: 404 at once, in words."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab("anthropic"))
        response = await (await stage.client(gateway)).ask(kit.get("/v1/files"))
        error = response.assert_openai_error(404)
        assert "OpenAI's API" in error["message"]

    play(scene)


def test_what_a_client_repeats_reaches_the_upstream(play: Any, kit: Any) -> None:
    """Lists in several header lines or as a name that comes twice are passed on whole, but no key of ours."""

    async def scene(stage: Any) -> None:
        desk = always(kit.ok(b"{}"))
        gateway = await stage.gateway(await stage.upstream(desk))
        client = await stage.client(gateway)
        path = "/v1/responses/resp_1?include%5B%5D=a&include%5B%5D=b&key=secret"
        lines = ("openai-beta: one=v1", "OpenAI-Beta: two=v1", "accept: a/b", "Accept: c/d")
        assert (await client.ask(kit.get(path, *lines))).status == 200
        assert desk.lines == ["GET /v1/responses/resp_1?include%5B%5D=a&include%5B%5D=b"]
        head = desk.heads[0].lower()
        assert "openai-beta: one=v1, two=v1" in head
        assert "accept: a/b, c/d" in head

    play(scene)


def test_an_error_in_a_relayed_stream_is_no_success(play: Any, kit: Any) -> None:
    """The client gets a failure with its status instead of a 200 that fails at its end."""

    async def scene(stage: Any) -> None:
        events = b'event: error\ndata: {"error":{"message":"Boom","type":"server_error"}}\n\n'
        answer = kit.ok(events).replace(b"application/json", b"text/event-stream")
        desk = always(answer)
        gateway = await stage.gateway(await stage.upstream(desk))
        client = await stage.client(gateway)
        body = b'{"model":"m","prompt":"x","stream":true}'
        response = await client.ask(kit.post(body, path="/v1/images/generations"))
        assert (response.status, response.json["error"]["message"]) == (500, "Boom")
        assert len(desk.lines) == 1

    play(scene)

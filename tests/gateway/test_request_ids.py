"""The ids that official clients show: every answer and every error has one, in the header they read."""

import json
from typing import Any

import pytest

SAID = [{"role": "user", "content": "hello"}]
ASKED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", "x-request-id", {"model": "MODEL", "messages": SAID}),
    "responses": ("/v1/responses", "x-request-id", {"model": "MODEL", "input": "hello"}),
    "completions": ("/v1/completions", "x-request-id", {"model": "MODEL", "prompt": "hello"}),
    "messages": ("/v1/messages", "request-id", {"model": "MODEL", "messages": SAID, "max_tokens": 100}),
    "generate": (
        "/v1beta/models/MODEL:generateContent",
        "x-request-id",
        {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
    ),
}
OURS = "x-halfopen-request-id"
REFUSALS: dict[str, dict[str, Any]] = {
    "an unknown model": {"model": "nobody"},
    "a body that is no JSON": {"body": b"{"},
    "another method": {"method": "PUT"},
}


def asked(kit: Any, dialect: str, *, model: str = "m", stream: bool = False, **changed: Any) -> bytes:
    path, _, body = ASKED[dialect]
    sent = json.dumps(body | ({"stream": True} if stream and dialect != "generate" else {}))
    if stream and dialect == "generate":
        path = path.replace("generateContent", "streamGenerateContent") + "?alt=sse"
    path = path.replace("MODEL", model)
    data = changed.pop("body", sent.replace("MODEL", model).encode())
    request: bytes = kit.post(data, path=path, **changed)
    return request


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("vendor", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("dialect", ASKED)
def test_every_answer_has_an_id(play: Any, kit: Any, dialect: str, vendor: str, stream: bool) -> None:
    """The upstream's where it gave one, else ours."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab(vendor))
        response = await (await stage.client(gateway)).ask(asked(kit, dialect, stream=stream))
        if response.status != 200:  # a completion of two prompts and the like
            pytest.fail(f"{response.status} {response.body[:300]!r}")
        shown, ours = response.headers[ASKED[dialect][1]], response.headers[OURS]
        assert ours.startswith("ho-")
        assert (shown == ours) is (vendor == "gemini")
        assert shown.startswith({"openai": "req_", "anthropic": "req_", "gemini": "ho-"}[vendor])

    play(scene)


@pytest.mark.parametrize("why", REFUSALS)
@pytest.mark.parametrize("dialect", ASKED)
def test_every_refusal_has_an_id(play: Any, kit: Any, dialect: str, why: str) -> None:
    """It is ours: nobody else was asked."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab("openai"))
        response = await (await stage.client(gateway)).ask(asked(kit, dialect, **REFUSALS[why]))
        assert 400 <= response.status < 500
        assert response.headers[ASKED[dialect][1]] == response.headers[OURS]
        assert response.headers[OURS].startswith("ho-")

    play(scene)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("dialect", ASKED)
def test_an_error_has_the_id_of_the_call_whose_error_it_is(
    play: Any, kit: Any, dialect: str, stream: bool
) -> None:
    """With several failures the error and the id are of the same one."""

    async def scene(stage: Any) -> None:
        refused = kit.ok(
            b'{"error": {"message": "The key is wrong.", "type": "invalid_request_error"}}',
            "x-request-id: req_key",
            status="401 Unauthorized",
        )
        busy = kit.ok(b'{"error": {"message": "busy"}}', "x-request-id: req_busy", status="503 Busy")
        upstreams = [await stage.upstream(kit.answering(each)) for each in (refused, busy)]
        gateway = await stage.gateway(*upstreams)
        response = await (await stage.client(gateway)).ask(asked(kit, dialect, stream=stream))
        assert response.status >= 400
        shown = response.headers[ASKED[dialect][1]]
        assert shown == ("req_key" if b"key" in json.dumps(_message(response.json)).encode() else "req_busy")

    play(scene)


def _message(body: Any) -> str:
    error = body[0]["error"] if isinstance(body, list) else body["error"]
    return str(error["message"])


@pytest.mark.parametrize("dialect", ASKED)
def test_an_error_without_an_id_of_its_own_has_ours(play: Any, kit: Any, dialect: str) -> None:
    """Also when an earlier failure, which isn't shown, had one."""

    async def scene(stage: Any) -> None:
        known = kit.ok(b'{"error": {"message": "busy"}}', "x-request-id: req_1", status="503 Busy")
        first = await stage.upstream(kit.answering(known))
        second = await stage.upstream(
            kit.answering(kit.ok(b'{"error": {"message": "The key is wrong."}}', status="401 Unauthorized"))
        )
        gateway = await stage.gateway(first, second)
        response = await (await stage.client(gateway)).ask(asked(kit, dialect))
        shown = response.headers[ASKED[dialect][1]]
        assert shown == ("req_1" if "busy" in _message(response.json) else response.headers[OURS])

    play(scene)


def test_an_id_that_holds_our_key_is_not_shown(play: Any, kit: Any) -> None:
    """An upstream that echoes the key gets ours shown in the place of its id."""

    async def scene(stage: Any) -> None:
        answer = kit.ok(kit.ok_body, f"x-request-id: {kit.key}")
        gateway = await stage.gateway(await stage.upstream(kit.answering(answer)))
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat()))
        assert response.headers["x-request-id"] == response.headers[OURS]
        assert kit.key not in str(response.headers)

    play(scene)


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        pytest.param("/nothing", (), "x-request-id", id="openai"),
        pytest.param("/v1/nothing", ("anthropic-version: 2023-06-01",), "request-id", id="anthropic"),
        pytest.param("/v1beta/nothing", (), "x-request-id", id="gemini"),
        pytest.param("/v1/models/nobody", ("anthropic-version: 2023-06-01",), "request-id", id="model"),
        pytest.param("/v1/files/file-1", (), "x-request-id", id="relay"),
    ],
)
def test_what_is_not_here_has_an_id(
    play: Any, kit: Any, path: str, headers: tuple[str, ...], name: str
) -> None:
    """Unknown paths and models are answered by us, and can be found in our log."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab("anthropic"))
        response = await (await stage.client(gateway)).ask(kit.get(path, *headers))
        assert response.status == 404
        assert response.headers[name] == response.headers[OURS]

    play(scene)

"""What is special when Google's clients are served by Gemini, OpenAI, a server like it, or Anthropic."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from halfopen.providers import FLAVOURS, ClientRequest
from halfopen.providers.clients.generate import GENERATE
from halfopen.providers.compatible import Compatible
from halfopen.providers.contract import StreamEvent

JSON = {"responseMimeType": "application/json"}


def sent(desk: Any, dialect: str, model: str | None = None, **fields: Any) -> dict[str, Any]:
    """The upstream's body."""
    ask, target = desk.ask(**fields), desk.target(dialect, model)
    assert desk.pair(dialect, model).unfit(ask, target) is None
    body: dict[str, Any] = msgspec.json.decode(desk.pair(dialect, model).call(ask, target, "key").body)
    return body


@pytest.mark.parametrize(
    ("path", "upstream"),
    [
        ("/v1/models/fast:generateContent", "/v1beta/models/gemini-2.5-flash:generateContent"),
        (
            "/v1beta/models/fast:streamGenerateContent",
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        ),
    ],
    ids=["whole", "stream"],
)
def test_gemini_gets_bytes(desk: Any, path: str, upstream: str) -> None:
    """Gemini gets the client's body byte for byte, on a path with the target's model."""
    body = b'{ "contents":[{"parts":{"text":"Hi"}}], "tools":[{"googleSearch":{}}] }'
    ask = GENERATE.parse(ClientRequest(path, {}, {}, body))
    call = desk.pair("gemini").call(ask, desk.target("gemini"), "key")
    assert (call.path, call.body) == (upstream, body)
    assert ("x-goog-api-key", "key") in call.headers
    assert desk.pair("gemini").adapted(ask, desk.target("gemini")) == ()


def test_gemini_model_in_body(desk: Any) -> None:
    """A model named in the body as well can't contradict the target's."""
    body = desk.pair("gemini").call(desk.ask(model="models/fast"), desk.target("gemini"), None).body
    assert list(msgspec.json.decode(body)) == ["contents"]


def model(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


CALL: dict[str, Any] = {"functionCall": {"name": "f", "args": {}}}
STAND_IN = {"thoughtSignature": "skip_thought_signature_validator"}
SIGNED = CALL | {"thoughtSignature": "EjQK"}
RESULT = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "x"}}}]}
USER = {"role": "user", "parts": [{"text": "Hi"}]}


@pytest.mark.parametrize(
    ("turns", "sent_turns"),
    [
        pytest.param([model(CALL)], [model(CALL | STAND_IN)], id="one call"),
        pytest.param([model(CALL, CALL)], [model(CALL | STAND_IN, CALL)], id="the first of two"),
        pytest.param(
            [model({"text": "So"}, CALL)], [model({"text": "So"}, CALL | STAND_IN)], id="after text"
        ),
        pytest.param([model(CALL), model(CALL)], [model(CALL | STAND_IN), model(CALL)], id="in pieces"),
        pytest.param(
            [model(SIGNED), RESULT, model(CALL)],
            [model(SIGNED), RESULT, model(CALL | STAND_IN)],
            id="a second turn",
        ),
        pytest.param(
            [{"role": "model", "parts": {"function_call": {"name": "f"}, "thought_signature": None}}],
            [{"role": "model", "parts": {"function_call": {"name": "f"}} | STAND_IN}],
            id="snake case",
        ),
    ],
)
@pytest.mark.parametrize("name", ["gemini-3-pro-preview", "gemini-flash-latest"])
def test_gemini_gets_signatures(desk: Any, name: str, turns: Any, sent_turns: Any) -> None:
    """A model that insists on thought signatures gets Google's stand-in for calls of another's making."""
    contents = sent(desk, "gemini", name, contents=[USER, *turns, RESULT])["contents"]
    assert contents == [USER, *sent_turns, RESULT]


@pytest.mark.parametrize(
    ("name", "turn"),
    [
        pytest.param("gemini-2.5-flash", model(CALL), id="an older model"),
        pytest.param("gemini-3-pro-preview", model(SIGNED, CALL), id="signed"),
        pytest.param("gemini-3-pro-preview", model({"text": "no functionCall"}), id="no call"),
    ],
)
def test_gemini_needs_no_signatures(desk: Any, name: str, turn: Any) -> None:
    """A history that lacks nothing passes byte for byte."""
    ask = desk.ask(contents=[USER, turn, RESULT])
    body = desk.pair("gemini", name).call(ask, desk.target("gemini", name), None).body
    assert body == ask.origin.body


def test_signatures_keep_bytes(desk: Any) -> None:
    """Beside the stand-in no byte of a history changes, not even of numbers that no double holds."""
    args = b'{"big":123456789012345678901234567890,"small":1.10}'
    part = b'{"functionCall":{"name":"f","args":' + args + b"}"
    start, end = b'{"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[', b"}]}]}"
    ask = GENERATE.parse(ClientRequest("/v1beta/models/fast:generateContent", {}, {}, start + part + end))
    body = desk.pair("gemini", "gemini-3-pro").call(ask, desk.target("gemini", "gemini-3-pro"), None).body
    assert body == start + part + b',"thoughtSignature":"skip_thought_signature_validator"' + end


def test_gemini_unfit(desk: Any) -> None:
    """What the catalogue says of the model counts for native requests, too."""
    ask = desk.ask(generationConfig={"maxOutputTokens": 100})
    assert desk.pair("gemini").unfit(ask, desk.target("gemini", output_tokens=50)) is not None


def test_openai_top_k(desk: Any) -> None:
    """OpenAI itself gets no top_k, and the client is told; a server like it gets it."""
    ask = desk.ask(generationConfig={"topK": 40})
    assert "top_k" not in sent(desk, "openai", generationConfig={"topK": 40})
    assert "no top_k" in desk.pair("openai").adapted(ask, desk.target("openai"))
    vllm = GENERATE.translation(Compatible(FLAVOURS["vllm"]), desk.target("openai"))
    assert msgspec.json.decode(vllm.call(ask, desk.target("openai"), None).body)["top_k"] == 40
    assert vllm.adapted(ask, desk.target("openai")) == ()


@pytest.mark.parametrize(
    ("text", "added"), [("Hi", True), ("As JSON, please", False)], ids=["silent", "said"]
)
def test_openai_json_mode(desk: Any, text: str, added: bool) -> None:
    """OpenAI's JSON mode wants the conversation to say JSON: a line is added where it doesn't."""
    messages = sent(desk, "openai", contents=[{"parts": [{"text": text}]}], generationConfig=JSON)["messages"]
    assert ("JSON" in str(messages[0]["content"])) is True
    assert (len(messages) == 2) is added


@pytest.mark.parametrize(
    ("model", "level", "effort"),
    [
        ("o3", {"thinkingBudget": 0}, "low"),
        ("gpt-5-mini", {"thinkingBudget": 0}, "minimal"),
        ("gpt-5.1", {"thinkingBudget": 0}, "none"),
        ("gpt-5.1", {"thinkingLevel": "MINIMAL"}, "low"),
        ("gpt-5.1", {"thinkingLevel": "XHIGH"}, "high"),
        ("gpt-5.2", {"thinkingLevel": "XHIGH"}, "xhigh"),
        ("gpt-5", {"thinkingLevel": "HIGH"}, "high"),
    ],
    ids=str,
)
def test_openai_effort(desk: Any, model: str, level: Any, effort: str) -> None:
    """The effort is one that the model's generation takes."""
    assert (
        sent(desk, "openai", model, generationConfig={"thinkingConfig": level})["reasoning_effort"] == effort
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param(
            {"generationConfig": {**JSON, "responseSchema": {"type": "ARRAY", "items": {"type": "STRING"}}}},
            "schemas of objects only",
            id="array",
        ),
        pytest.param({"tools": [{"functionDeclarations": [{"name": "a.b"}]}]}, "no function name", id="name"),
    ],
)
def test_openai_unfit(desk: Any, fields: Any, reason: str) -> None:
    """What OpenAI refuses makes it unfit, in words."""
    assert reason in (desk.pair("openai").unfit(desk.ask(**fields), desk.target("openai")) or "")


def test_loose_schema_is_told(desk: Any) -> None:
    """A schema that can't be guaranteed is sent all the same, and the client is told."""
    schema = {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}
    ask = desk.ask(generationConfig={**JSON, "responseSchema": schema})
    assert desk.pair("openai").adapted(ask, desk.target("openai")) == ("the schema guides but does not bind",)


def test_anthropic(desk: Any) -> None:
    """Anthropic gets the system text, the tools and topK."""
    tools = [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {}}}]}]
    body = sent(desk, "anthropic", systemInstruction="Be brief", tools=tools, generationConfig={"topK": 5})
    assert body["system"][0]["text"] == "Be brief"
    assert body["tools"][0]["name"] == "f"
    assert body["top_k"] == 5


def test_undecodable_answer(desk: Any, completion: Any) -> None:
    """An answer that the judge passes over but nobody can decode is a fault."""
    body = msgspec.json.encode(completion({"content": "Hi"}))
    deep = body[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert desk.whole("openai", deep).kind.value in ("malformed_answer", "not_json")


def test_continuation_is_a_chat(desk: Any) -> None:
    """A request that goes on with a cut answer is no longer the client's own: Gemini gets it translated."""
    ask = replace(desk.stream(), continues=True)
    pair, target = desk.pair("gemini"), desk.target("gemini")
    assert msgspec.json.decode(pair.call(ask, target, None).body)["contents"]
    events: list[StreamEvent] = pair.reader(ask, target, created_s=1).feed(desk.recorded("gemini_text"))
    assert events
    assert not any(event.native for event in events)

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

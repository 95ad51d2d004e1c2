"""Good requests of every kind of client, as fuzzing sends and spoils them."""

import copy
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from halfopen.lab.fuzz_json import PIXEL, SCHEMA, TOOL, good_chat

INSTRUCT = "instruct"
VECTORS = "vectors"
"""Routes to a model that completes bare prompts, and to one that makes vectors."""
_FUNCTION = TOOL["function"]
_CITY: Final = {"city": "Oslo"}


@dataclass(frozen=True, slots=True)
class Sample:
    """A request before anything is done to it."""

    dialect: str
    """Whose error shape a refusal must have: openai, messages or generate."""
    method: str
    target: str
    body: Any
    """JSON, or bytes that are something else."""
    headers: tuple[str, ...] = ()

    @property
    def client(self) -> str:
        """Who sends it: chat, responses, completions, messages, generate, or something else."""
        path = self.target.partition("?")[0]
        if path.endswith("enerateContent"):
            return "generate"
        return {"/v1/chat/completions": "chat"}.get(path, path.removeprefix("/v1/"))

    @property
    def data(self) -> bytes:
        """The body's bytes."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def good_sample(rng: random.Random, models: tuple[str, ...]) -> Sample:
    """A request that would be answered well, or politely refused. Half of them are chats."""
    return rng.choice(_SAMPLES)(rng, models)


def streamable_sample(rng: random.Random, model: str, mark: str) -> Sample:
    """A good request of a client whose answers can be streamed, with a mark in its words."""
    sample = rng.choice(_STREAMABLE)(rng, (model,))
    body = sample.body
    for name in _SINGULAR:
        body.pop(name, None)
    if "model" in body:
        body["model"] = model
    words = f"{mark} hello"
    match sample.client:
        case "responses":
            body["input"] = words
        case "completions":
            body["prompt"] = words
        case "generate":
            body["contents"] = [{"role": "user", "parts": [{"text": words}]}]
        case _:
            body["messages"] = [{"role": "user", "content": words}]
    return sample


_SINGULAR: Final = (
    *("n", "store", "previous_response_id", "container", "cachedContent", "logprobs", "audio", "modalities"),
    *("functions", "function_call", "prediction", "background", "service_tier", "metadata", "truncation"),
)
"""Options with which one provider at most can serve a request."""


def _with_options(
    rng: random.Random, body: dict[str, Any], options: Mapping[str, Any], *, stream: bool = True
) -> dict[str, Any]:
    for name in rng.sample(list(options), min(len(options), rng.choice((0, 0, 1, 1, 2, 4)))):
        body[name] = copy.deepcopy(options[name])
    if stream and rng.random() < 0.4:
        body["stream"] = True
    return body


def _chat(rng: random.Random, models: tuple[str, ...]) -> Sample:
    return Sample("openai", "POST", "/v1/chat/completions", good_chat(rng, models))


_RESPONSES_INPUTS: tuple[Any, ...] = (
    "hello",
    [{"role": "user", "content": "hello"}],
    [
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What is 2 + 2?"}]},
    ],
    [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is it?"},
                {"type": "input_image", "image_url": PIXEL, "detail": "auto"},
            ],
        }
    ],
    [
        {"role": "user", "content": "Weather in Oslo?"},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Oslo"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
    ],
)
_RESPONSES_OPTIONS: Mapping[str, Any] = {
    "instructions": "Be kind.",
    "temperature": 0.5,
    "top_p": 0.9,
    "max_output_tokens": 50,
    "tools": [{"type": "function", "strict": False, **_FUNCTION}],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}},
    "reasoning": {"effort": "low"},
    "store": False,
    "previous_response_id": "resp_1",
    "include": ["reasoning.encrypted_content"],
    "metadata": {"a": "b"},
    "truncation": "auto",
    "background": False,
    "user": "someone",
    "service_tier": "auto",
}


def _responses(rng: random.Random, models: tuple[str, ...]) -> Sample:
    body = {"model": rng.choice(models), "input": copy.deepcopy(rng.choice(_RESPONSES_INPUTS))}
    return Sample("openai", "POST", "/v1/responses", _with_options(rng, body, _RESPONSES_OPTIONS))


_COMPLETIONS_OPTIONS: Mapping[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.9,
    "n": 2,
    "stop": ["END"],
    "max_tokens": 80,
    "echo": False,
    "suffix": None,
    "best_of": 1,
    "logprobs": 2,
    "seed": 7,
    "stream_options": {"include_usage": True},
    "user": "someone",
}


def _completions(rng: random.Random, models: tuple[str, ...]) -> Sample:
    prompt = rng.choice(("Once upon a time", ["Once"], ["One", "Two"], [1, 2, 3], "é"))
    body = {"model": rng.choice((*models, INSTRUCT)), "prompt": prompt}
    return Sample("openai", "POST", "/v1/completions", _with_options(rng, body, _COMPLETIONS_OPTIONS))


_EMBEDDINGS_OPTIONS: Mapping[str, Any] = {"dimensions": 64, "encoding_format": "base64", "user": "someone"}


def _embeddings(rng: random.Random, models: tuple[str, ...]) -> Sample:
    words = rng.choice(("hello", ["hello", "é"], [1, 2, 3], [[1, 2], [3]]))
    body = {"model": rng.choice((VECTORS, VECTORS, VECTORS, *models)), "input": words}
    made = _with_options(rng, body, _EMBEDDINGS_OPTIONS, stream=False)
    return Sample("openai", "POST", "/v1/embeddings", made)


_MESSAGES_TALKS: tuple[list[dict[str, Any]], ...] = (
    [{"role": "user", "content": "hello"}],
    [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": [{"type": "text", "text": "c", "cache_control": {"type": "ephemeral"}}]},
    ],
    [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {
                    "type": "image",
                    "source": {
                        "type": "base64",
                        "media_type": "image/png",
                        "data": PIXEL.partition(",")[2],
                    },
                },
            ],
        }
    ],
    [
        {"role": "user", "content": "Weather in Oslo?"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": _CITY},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "text", "text": "rain"}],
                }
            ],
        },
    ],
)
_MESSAGES_OPTIONS: Mapping[str, Any] = {
    "system": [{"type": "text", "text": "Be brief."}],
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 5,
    "stop_sequences": ["END"],
    "tools": [{"name": "weather", "description": "Weather", "input_schema": _FUNCTION["parameters"]}],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    "metadata": {"user_id": "someone"},
    "service_tier": "auto",
    "container": "c",
}


def _messages(rng: random.Random, models: tuple[str, ...]) -> Sample:
    body = {
        "model": rng.choice(models),
        "max_tokens": 100,
        "messages": copy.deepcopy(rng.choice(_MESSAGES_TALKS)),
    }
    made = _with_options(rng, body, _MESSAGES_OPTIONS)
    return Sample("messages", "POST", "/v1/messages", made, ("anthropic-version: 2023-06-01",))


def _count_tokens(rng: random.Random, models: tuple[str, ...]) -> Sample:
    sample = _messages(rng, models)
    body = {name: value for name, value in sample.body.items() if name not in ("max_tokens", "stream")}
    return Sample("messages", "POST", "/v1/messages/count_tokens", body, sample.headers)


_GENERATE_TALKS: tuple[list[dict[str, Any]], ...] = (
    [{"role": "user", "parts": [{"text": "hello"}]}],
    [{"parts": [{"text": "hello"}]}],
    [
        {"role": "user", "parts": [{"text": "a"}]},
        {"role": "model", "parts": [{"text": "b"}, {"text": "Hm.", "thought": True}]},
        {"role": "user", "parts": [{"text": "c"}]},
    ],
    [
        {
            "role": "user",
            "parts": [
                {"text": "What is it?"},
                {"inlineData": {"mimeType": "image/png", "data": PIXEL.partition(",")[2]}},
            ],
        }
    ],
    [
        {"role": "user", "parts": [{"text": "Weather in Oslo?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": _CITY}}]},
        {
            "role": "user",
            "parts": [{"functionResponse": {"name": "weather", "response": {"output": "rain"}}}],
        },
    ],
)
_GENERATE_OPTIONS: Mapping[str, Any] = {
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "generationConfig": {"temperature": 0.5, "topK": 5, "maxOutputTokens": 50, "stopSequences": ["END"]},
    "generation_config": {"response_mime_type": "application/json", "response_schema": {"type": "OBJECT"}},
    "tools": [{"functionDeclarations": [{**_FUNCTION}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    "cachedContent": "cachedContents/1",
}  # fmt: skip


def _generate(rng: random.Random, models: tuple[str, ...]) -> Sample:
    body = {"contents": copy.deepcopy(rng.choice(_GENERATE_TALKS))}
    made = _with_options(rng, body, _GENERATE_OPTIONS, stream=False)
    method = rng.choice(("generateContent", "streamGenerateContent", "streamGenerateContent?alt=sse"))
    target = f"/{rng.choice(('v1', 'v1beta'))}/models/{rng.choice(models)}:{method}"
    return Sample("generate", "POST", target, made, ("x-goog-api-key: k",))


_FORM: Final = (
    b'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n{}\n\r\n--b--\r\n'
)


def _relayed(rng: random.Random, models: tuple[str, ...]) -> Sample:
    form = ("content-type: multipart/form-data; boundary=b",)
    return rng.choice(
        (
            Sample("openai", "GET", "/v1/files?limit=2", b""),
            Sample("openai", "GET", "/v1/files/file-1/content", b""),
            Sample("openai", "DELETE", "/v1/files/file-1", b""),
            Sample("openai", "POST", "/v1/files", _FORM, form),
            Sample("openai", "POST", "/v1/audio/transcriptions", _FORM, form),
            Sample("openai", "POST", "/v1/audio/speech", {"model": "tts-1", "input": "hi", "voice": "alloy"}),
            Sample("openai", "POST", "/v1/moderations", {"model": rng.choice(models), "input": "hi"}),
            Sample("openai", "POST", "/v1/moderations", {"input": ["hi", "é"]}),
            Sample("openai", "POST", "/v1/images/generations", {"prompt": "a cat", "n": 1}),
            Sample("openai", "GET", "/v1/batches", b""),
            Sample("openai", "POST", "/v1/batches/batch_1/cancel", {}),
            Sample("openai", "GET", "/v1/responses/resp_1", b""),
            Sample("openai", "DELETE", "/v1/chat/completions/chatcmpl-1", b""),
            Sample("openai", "POST", "/v1/vector_stores", {"name": "v"}),
            Sample("openai", "POST", "/v1/responses/input_tokens", {"model": "gpt-4o-mini", "input": "x"}),
        )
    )


def _models(rng: random.Random, models: tuple[str, ...]) -> Sample:
    name = rng.choice((*models, "x", "gemini-2.5-flash", "%2e%2e", "a/b"))
    anthropic, google = ("anthropic-version: 2023-06-01",), ("x-goog-api-key: k",)
    return rng.choice(
        (
            Sample("openai", "GET", "/v1/models", b""),
            Sample("openai", "GET", f"/v1/models/{name}", b""),
            Sample("messages", "GET", f"/v1/models/{name}", b"", anthropic),
            Sample("messages", "GET", "/v1/models?limit=1", b"", anthropic),
            Sample("generate", "GET", f"/v1beta/models/{name}", b""),
            Sample("generate", "GET", "/v1/models", b"", google),
            Sample("openai", "GET", "/healthz", b""),
            Sample("openai", "GET", "/readyz", b""),
        )
    )


_Make = Callable[[random.Random, tuple[str, ...]], Sample]
_STREAMABLE: Final[tuple[_Make, ...]] = (_chat, _responses, _completions, _messages, _generate)
_SAMPLES: Final[tuple[_Make, ...]] = (
    *(_chat, _chat, _chat, _responses, _responses, _completions, _messages, _messages, _generate),
    *(_generate, _embeddings, _count_tokens, _relayed, _models),
)

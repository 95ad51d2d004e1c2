"""JSON as fuzzing sends it: good chat requests, and any good JSON with something wrong."""

import copy
import json
import random
from collections.abc import Mapping
from typing import Any, Final

SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL: Final[Mapping[str, Any]] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Weather of a city",
        "parameters": SCHEMA,
    },
}
PIXEL: Final = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg=="
)
_CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
_CONVERSATIONS: tuple[list[dict[str, Any]], ...] = (
    [{"role": "user", "content": "hello"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 2 + 2?"}],
    [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": [{"type": "text", "text": "c"}]},
    ],
    [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": PIXEL}},
            ],
        }
    ],
    [
        {"role": "user", "content": "Weather in Oslo?"},
        {"role": "assistant", "content": None, "tool_calls": [_CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ],
)
_OPTIONS: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.9,
    "n": 1,
    "stop": ["END"],
    "max_tokens": 50,
    "max_completion_tokens": 60,
    "seed": 7,
    "tools": [TOOL],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "response_format": {"type": "json_object"},
    "stream_options": {"include_usage": True},
    "user": "someone",
    "logprobs": True,
    "top_logprobs": 2,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.1,
    "logit_bias": {"50256": -100},
    "metadata": {"a": "b"},
    "reasoning_effort": "low",
    "modalities": ["text"],
    "store": False,
    "service_tier": "auto",
    "functions": [TOOL["function"]],
    "function_call": "auto",
    "prediction": {"type": "content", "content": "x"},
    "audio": {"voice": "alloy", "format": "wav"},
}
_WRONG: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    10**30,
    "",
    "x",
    "é\u2028\u0000",
    "\U0001f600" * 20,
    [],
    [None],
    [[]],
    {},
    {"a": None},
    {"type": None},
    {"type": "text"},
    {"type": "image_url", "image_url": 7},
    {"role": "user"},
    {"role": 7, "content": {}},
    "weather" * 200,
)
_RAW_WRONG = (
    b"1e999",
    b"-1e999",
    b"NaN",
    b"Infinity",
    b"1" * 5000,
    b'"\\ud800"',
    b'"\\udc00x"',
    b'"\xff\xfe"',
    b'"\xed\xa0\x80"',
    b'"\x00"',
    b"'x'",
    b"undefined",
    b"[1,]",
    b'{"a":1,}',
    b'{"a":1,"a":2}',
    b"01",
    b'"\\x"',
    b"// x\n1",
    b"[" * 300 + b"]" * 300,
    b'{"a":' * 150 + b"1" + b"}" * 150,
    b"[" * 60_000,
)
_MARK = "@@raw@@"


def good_chat(rng: random.Random, models: tuple[str, ...]) -> dict[str, Any]:
    """A chat request that a provider would take, or politely refuse."""
    body: dict[str, Any] = {
        "model": rng.choice(models),
        "messages": copy.deepcopy(rng.choice(_CONVERSATIONS)),
    }
    if rng.random() < 0.4:
        body["stream"] = True
    for name in rng.sample(list(_OPTIONS), rng.choice((0, 0, 1, 1, 2, 4))):
        body[name] = copy.deepcopy(_OPTIONS[name])
    return body


_NAMES: Final = (
    *_OPTIONS, "input", "prompt", "contents", "parts", "generationConfig", "system", "thinking", "type",
    "text", "unknown", "", "error",
)  # fmt: skip


def spoiled_json(rng: random.Random, good: Any) -> bytes:
    """JSON with one to three things wrong, or what is left of it. `good` is not changed."""
    body = json.loads(json.dumps(good))  # a copy, in a third of the time of deepcopy
    raw: bytes | None = None
    for _ in range(rng.choice((1, 1, 2, 3))):
        holder, key = _place(rng, body)
        if holder is None:
            body = copy.deepcopy(rng.choice(_WRONG))
            break
        action = rng.randrange(6)
        if action == 0:
            del holder[key]
        elif action == 1 and isinstance(holder, dict):
            holder[rng.choice(_NAMES)] = copy.deepcopy(rng.choice(_WRONG))
        elif action == 2:
            holder[key] = _MARK
            raw = rng.choice(_RAW_WRONG)
        else:
            holder[key] = copy.deepcopy(rng.choice(_WRONG))
    data = json.dumps(body, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    if raw is not None:
        data = data.replace(f'"{_MARK}"'.encode(), raw)
    return _spoiled_text(rng, data) if rng.random() < 0.3 else data


def _place(rng: random.Random, value: Any) -> tuple[Any, Any]:
    """A random place in a value: its holder and key. The deeper places are as likely as the others."""
    places: list[tuple[Any, Any]] = []
    queue = [value]
    while queue and len(places) < 60:
        each = queue.pop()
        keys: list[Any] = []
        if isinstance(each, dict):
            keys = list(each)
        elif isinstance(each, list):
            keys = list(range(len(each)))
        for key in keys:
            places.append((each, key))
            queue.append(each[key])
    return rng.choice(places) if places and rng.random() < 0.97 else (None, None)


def _spoiled_text(rng: random.Random, data: bytes) -> bytes:
    """JSON text with an accident."""
    action = rng.randrange(7)
    place = rng.randrange(len(data) + 1)
    if action == 0:
        return data[:place]
    if action == 1:
        return data + rng.choice((b"x", b"{}", b"\x00", b"]", b" \n"))
    if action == 2:
        return b"\xef\xbb\xbf" + data
    if action == 3:
        return data.decode("utf-8", "replace").encode("utf-16")
    if action == 4:
        return data[:place] + rng.randbytes(rng.randrange(1, 6)) + data[place:]
    if action == 5:
        return data[:place] + rng.choice((b"\xff", b"\xc3", b"\xf0\x9f", b"\xc0\x80")) + data[place:]
    return rng.choice((b"", b"null", b"7", b"[]", b'"x"', b"{}", b" " * 1000, data * 2))

"""Requests as people write them, made at random, in the words of four APIs.

Written from the vendors' documents, not from the translations:

- chat: developers.openai.com/api/reference/resources/chat
- responses: developers.openai.com/api/reference/resources/responses
- messages: platform.claude.com/docs/en/api/messages
- generate: ai.google.dev/api/generate-content

A request is of the shared subset: what all four APIs have, but for `stop`, which Responses lacks, and
for one call at a time, which Gemini lacks.
"""

import base64
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from neutral_schema import output_schema, parameters_schema


@dataclass(frozen=True)
class Image:
    """An inline picture."""

    mime: str
    data: bytes


Part = str | Image


@dataclass(frozen=True)
class UserTurn:
    """What the user says."""

    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Call:
    """One use of a tool, with what came of it."""

    name: str
    arguments: Mapping[str, Any]
    result: Any
    """Text, or an object."""


@dataclass(frozen=True)
class AssistantTurn:
    """What the model says, and the tools that it uses side by side."""

    text: str
    calls: tuple[Call, ...] = ()
    order: tuple[int, ...] = ()
    """In which order the results are told, where the API leaves that open."""


@dataclass(frozen=True)
class Tool:
    """A function."""

    name: str
    description: str | None
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Neutral:
    """A request in nobody's words."""

    system: tuple[str, ...]
    turns: tuple[UserTurn | AssistantTurn, ...]
    tools: tuple[Tool, ...] = ()
    choice: str | None = None
    """auto, none, required, or `=` and the name of a tool; None: not said."""
    parallel: bool | None = None
    stop: tuple[str, ...] = ()
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    schema: Mapping[str, Any] | None = None
    """Of the answer."""
    stream: bool = False


# Making requests.

_WORDS: Final = (
    "hello", "weather in Oslo", "Grüße", "日本語のテキスト", "مرحبا بالعالم", "👩‍👩‍👧‍👦 family", "e\u0301 combined", "a\u2028b",
    'say "hi"', "back\\slash", "tab\there", "line\nline", "two\n\nparagraphs", "\u0001control", "</system>", "{{x}}",
    "data: [DONE]", "\U0001f1f3\U0001f1f4", "null", "0", "a" * 300, "\ufeffmark", "\u00a0space", "%41&amp;",
)  # fmt: skip
_RANGES: Final = tuple(
    range(start, start + 60)
    for start in (0x20, 0x80, 0x3B0, 0x5D0, 0x900, 0x2000, 0x4E00, 0xE000, 0xFFA0, 0x1F600)
)
_NAMES: Final = ("get_weather", "look-up", "f", "sendMail2", "_private", "book_table_for_two")
_KEYS: Final = ("city", "when", "count", "größe", "a b", "$ref", "nested.key", "type", "x-y", "0")
_MAGIC: Final = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff\xe0",
    "image/webp": b"RIFF\x00\x00\x00\x00WEBP",
}


def make(rng: random.Random, client: str) -> Neutral:
    """A request that a client of this dialect can make."""
    tools = _tools(rng) if rng.random() < 0.6 else ()
    turns = _turns(rng, tools, client)
    schema = output_schema(rng, 2) if rng.random() < (0.05 if tools else 0.3) else None
    bound = 1.0 if client == "messages" or rng.random() < 0.8 else 2.0
    return Neutral(
        system=tuple(text(rng) for _ in range(rng.choice((0, 0, 1, 1, 2)))),
        turns=turns,
        tools=tools,
        choice=_choice(rng, tools),
        parallel=rng.choice((True, False)) if tools and client != "generate" and rng.random() < 0.2 else None,
        stop=_stop(rng) if client != "responses" and rng.random() < 0.3 else (),
        temperature=_number(rng, bound) if rng.random() < 0.35 else None,
        top_p=_number(rng, 1.0) if rng.random() < 0.2 else None,
        max_tokens=rng.randrange(16, 4000) if client == "messages" or rng.random() < 0.4 else None,
        schema=schema,
        stream=rng.random() < 0.4,
    )


def text(rng: random.Random) -> str:
    """Words, never blank: what a vendor makes of blank text is a rule of its own."""
    words = " ".join(rng.choice(_WORDS) for _ in range(rng.choice((1, 1, 1, 2, 4))))
    if rng.random() < 0.15:
        words += "".join(map(chr, (rng.choice(_RANGES)[rng.randrange(60)] for _ in range(6))))
    blank = rng.choice(("", "", "", "", " ", "\n"))
    return rng.choice((words, words, words, blank + words, words + blank))


def _image(rng: random.Random) -> Image:
    mime = rng.choice(tuple(_MAGIC))
    return Image(mime, _MAGIC[mime] + bytes(rng.randrange(256) for _ in range(rng.randrange(1, 24))))


def _turns(rng: random.Random, tools: tuple[Tool, ...], client: str) -> tuple[UserTurn | AssistantTurn, ...]:
    turns: list[UserTurn | AssistantTurn] = [_user(rng)]
    for _ in range(rng.choice((0, 0, 1, 1, 2, 3))):
        if tools and rng.random() < 0.6:
            turns.append(_using(rng, tools, client))
            if rng.random() < 0.3:
                turns.append(_using(rng, tools, client))
            if rng.random() < 0.4:
                turns.append(AssistantTurn(_ending(rng)))
                turns.append(_user(rng))
            elif rng.random() < 0.3:
                turns.append(_user(rng))
        else:
            turns += [AssistantTurn(_ending(rng)), _user(rng)]
    return tuple(turns)


def _ending(rng: random.Random) -> str:
    """What a model says doesn't end in a blank."""
    return text(rng).rstrip()


def _user(rng: random.Random) -> UserTurn:
    count = rng.choice((1, 1, 1, 2, 3))
    return UserTurn(tuple(_image(rng) if rng.random() < 0.3 else text(rng) for _ in range(count)))


def _using(rng: random.Random, tools: tuple[Tool, ...], client: str) -> AssistantTurn:
    calls = tuple(
        Call(rng.choice(tools).name, _arguments(rng), _result(rng, client))
        for _ in range(rng.choice((1, 1, 2, 2, 3)))
    )
    order = list(range(len(calls)))
    if rng.random() < 0.5:
        rng.shuffle(order)
    return AssistantTurn(_ending(rng) if rng.random() < 0.5 else "", calls, tuple(order))


def _arguments(rng: random.Random) -> dict[str, Any]:
    return {rng.choice(_KEYS): value(rng, 2) for _ in range(rng.choice((0, 1, 1, 2, 3)))}


def _result(rng: random.Random, client: str) -> Any:
    if client == "generate":
        chance = rng.random()
        key = "output" if chance < 0.6 else "result"
        return {key: text(rng)} if chance < 0.8 else {"temperature": value(rng, 1), "sky": text(rng)}
    if rng.random() < 0.3:
        return json.dumps({"temperature": value(rng, 1)}, ensure_ascii=rng.random() < 0.5)
    return text(rng)


def value(rng: random.Random, depth: int) -> Any:
    """Any JSON value."""
    kind = rng.randrange(8 if depth else 6)
    if kind == 0:
        return rng.choice(_WORDS)
    if kind == 1:
        return rng.choice((0, 1, -1, 7, 42, 2**31, 2**53 - 1, -(2**53) + 1, rng.randrange(10**6)))
    if kind == 2:
        return rng.choice((0.5, -1.25, 1e-7, 3.141592653589793, 1e21, 0.1, 100.0))
    if kind == 3:
        return rng.random() < 0.5
    if kind == 4:
        return None
    if kind == 5:
        return rng.choice(("", 2**53 + 1, 9007199254740993 * 10, "2024-01-01", "1"))
    if kind == 6:
        return [value(rng, depth - 1) for _ in range(rng.randrange(3))]
    return {rng.choice(_KEYS): value(rng, depth - 1) for _ in range(rng.randrange(3))}


def _number(rng: random.Random, most: float) -> float:
    return rng.choice((0.0, 0.2, 0.5, 0.7, 0.95, most, round(rng.random() * most, 3)))


def _stop(rng: random.Random) -> tuple[str, ...]:
    words = ("END", "\n\nHuman:", "###", "ストップ", "</a>", "stop")
    return tuple(rng.sample(words, rng.choice((1, 1, 2, 4))))


def _choice(rng: random.Random, tools: tuple[Tool, ...]) -> str | None:
    if not tools or rng.random() < 0.4:
        return None
    return rng.choice(("auto", "none", "required", "=" + rng.choice(tools).name))


def _tools(rng: random.Random) -> tuple[Tool, ...]:
    names = rng.sample(_NAMES, rng.choice((1, 1, 2, 3)))
    return tuple(
        Tool(name, text(rng) if rng.random() < 0.8 else None, parameters_schema(rng, 2)) for name in names
    )


# In the words of each API. What an API leaves open (a string or parts, ids) is drawn.


@dataclass(frozen=True)
class Written:
    """A request in a client's words."""

    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]


def write(rng: random.Random, client: str, asked: Neutral) -> Written:
    """The request as a client of this dialect sends it."""
    return _WRITERS[client](rng, asked)


def _ids(rng: random.Random, prefix: str) -> Callable[[], str]:
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFG0123456789"
    count = iter(range(10**6))
    return lambda: prefix + "".join(rng.choice(letters) for _ in range(8)) + str(next(count))


def _base64(image: Image) -> str:
    return base64.b64encode(image.data).decode()


def _json_text(rng: random.Random, value: Any) -> str:
    separators = rng.choice((None, (",", ":")))
    return json.dumps(value, ensure_ascii=rng.random() < 0.5, separators=separators)


def _openai_options(asked: Neutral, *, limit: str) -> dict[str, Any]:
    options = {
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        limit: asked.max_tokens,
        "parallel_tool_calls": asked.parallel,
        "stream": True if asked.stream else None,
    }
    return {name: value for name, value in options.items() if value is not None}


def _chat(rng: random.Random, asked: Neutral) -> Written:
    new_id = _ids(rng, "call_")
    messages: list[dict[str, Any]] = [
        {"role": rng.choice(("system", "system", "developer")), "content": _worded(rng, each, "text")}
        for each in asked.system
    ]
    for turn in asked.turns:
        if isinstance(turn, UserTurn):
            messages.append({"role": "user", "content": _chat_content(rng, turn)})
            continue
        ids = [new_id() for _ in turn.calls]
        message: dict[str, Any] = {
            "role": "assistant",
            "content": _worded(rng, turn.text, "text") if turn.text else None,
        }
        if turn.calls:
            message["tool_calls"] = [
                {
                    "id": each,
                    "type": "function",
                    "function": {"name": call.name, "arguments": _json_text(rng, call.arguments)},
                }
                for each, call in zip(ids, turn.calls, strict=True)
            ]
        messages.append(message)
        messages += [
            {
                "role": "tool",
                "tool_call_id": ids[at],
                "content": _worded(rng, turn.calls[at].result, "text"),
            }
            for at in turn.order
        ]
    body: dict[str, Any] = {"model": "m", "messages": messages}
    if asked.tools:
        body["tools"] = [{"type": "function", "function": _function(each)} for each in asked.tools]
    if asked.choice is not None:
        name = asked.choice.removeprefix("=")
        named = asked.choice.startswith("=")
        body["tool_choice"] = {"type": "function", "function": {"name": name}} if named else name
    if asked.stop:
        one = len(asked.stop) == 1 and rng.random() < 0.5
        body["stop"] = asked.stop[0] if one else list(asked.stop)
    if asked.schema is not None:
        form = {"name": "answer", "strict": True, "schema": asked.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    limit = rng.choice(("max_tokens", "max_completion_tokens"))
    return Written("/v1/chat/completions", {}, body | _openai_options(asked, limit=limit))


def _worded(rng: random.Random, words: str, kind: str) -> Any:
    """Text as it is, or as the only part."""
    return words if rng.random() < 0.7 else [{"type": kind, "text": words}]


def _function(tool: Tool, **more: Any) -> dict[str, Any]:
    described = {} if tool.description is None else {"description": tool.description}
    return {"name": tool.name, **described, "parameters": tool.schema, **more}


def _chat_content(rng: random.Random, turn: UserTurn) -> Any:
    if len(turn.parts) == 1 and isinstance(turn.parts[0], str) and rng.random() < 0.7:
        return turn.parts[0]
    return [
        {"type": "text", "text": each}
        if isinstance(each, str)
        else {"type": "image_url", "image_url": {"url": f"data:{each.mime};base64,{_base64(each)}"}}
        for each in turn.parts
    ]


def _responses(rng: random.Random, asked: Neutral) -> Written:
    new_id = _ids(rng, "call_")
    system = list(asked.system)
    body: dict[str, Any] = {"model": "m"}
    if system and rng.random() < 0.6:
        body["instructions"] = system.pop(0)
    items: list[dict[str, Any]] = [
        {"role": rng.choice(("system", "developer")), "content": each} for each in system
    ]
    for turn in asked.turns:
        if isinstance(turn, UserTurn):
            items.append(_responses_message(rng, turn))
            continue
        if turn.text:
            items.append({"role": "assistant", "content": _worded(rng, turn.text, "output_text")})
        ids = [new_id() for _ in turn.calls]
        items += [
            {
                "type": "function_call",
                "call_id": each,
                "name": call.name,
                "arguments": _json_text(rng, call.arguments),
            }
            for each, call in zip(ids, turn.calls, strict=True)
        ]
        items += [
            {
                "type": "function_call_output",
                "call_id": ids[at],
                "output": _worded(rng, turn.calls[at].result, "input_text"),
            }
            for at in turn.order
        ]
    only = items[0]["content"] if len(items) == 1 else None
    body["input"] = only if isinstance(only, str) and rng.random() < 0.5 else items
    if asked.tools:
        body["tools"] = [{"type": "function", **_function(each, strict=False)} for each in asked.tools]
    if asked.choice is not None:
        named = asked.choice.startswith("=")
        body["tool_choice"] = {"type": "function", "name": asked.choice[1:]} if named else asked.choice
    if asked.schema is not None:
        form = {"type": "json_schema", "name": "answer", "strict": True, "schema": asked.schema}
        body["text"] = {"format": form}
    return Written("/v1/responses", {}, body | _openai_options(asked, limit="max_output_tokens"))


def _responses_message(rng: random.Random, turn: UserTurn) -> dict[str, Any]:
    kind = {"type": "message"} if rng.random() < 0.5 else {}
    if len(turn.parts) == 1 and isinstance(turn.parts[0], str) and rng.random() < 0.7:
        return {**kind, "role": "user", "content": turn.parts[0]}
    content = [
        {"type": "input_text", "text": each}
        if isinstance(each, str)
        else {
            "type": "input_image",
            "image_url": f"data:{each.mime};base64,{_base64(each)}",
            "detail": "auto",
        }
        for each in turn.parts
    ]
    return {**kind, "role": "user", "content": content}


def _messages(rng: random.Random, asked: Neutral) -> Written:
    new_id = _ids(rng, "toolu_")
    messages: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for turn in asked.turns:
        if isinstance(turn, UserTurn):
            content: Any = [*results, *map(_block, turn.parts)]
            if not results and len(turn.parts) == 1 and isinstance(turn.parts[0], str) and rng.random() < 0.7:
                content = turn.parts[0]
            messages.append({"role": "user", "content": content})
            results = []
            continue
        if results:
            messages.append({"role": "user", "content": results})
        ids = [new_id() for _ in turn.calls]
        said = [_block(turn.text)] if turn.text else []
        uses = [
            {"type": "tool_use", "id": each, "name": call.name, "input": call.arguments}
            for each, call in zip(ids, turn.calls, strict=True)
        ]
        plain = not uses and rng.random() < 0.6
        messages.append({"role": "assistant", "content": turn.text if plain else [*said, *uses]})
        results = [_tool_result(rng, ids[at], turn.calls[at].result) for at in turn.order]
    if results:
        messages.append({"role": "user", "content": results})
    body: dict[str, Any] = {"model": "m", "max_tokens": asked.max_tokens, "messages": messages}
    if asked.system:
        one = len(asked.system) == 1 and rng.random() < 0.5
        body["system"] = asked.system[0] if one else [_block(each) for each in asked.system]
    if asked.tools:
        body["tools"] = [
            {name: value for name, value in (
                ("name", each.name), ("description", each.description), ("input_schema", each.schema)
            ) if value is not None}
            for each in asked.tools
        ]  # fmt: skip
    if asked.choice is not None or asked.parallel is not None:
        body["tool_choice"] = _messages_choice(asked)
    if asked.schema is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": asked.schema}}
    options = {
        "stop_sequences": list(asked.stop) or None,
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "stream": asked.stream or None,
    }
    body |= {name: value for name, value in options.items() if value is not None}
    return Written("/v1/messages", {}, body)


def _block(part: Part) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    source = {"type": "base64", "media_type": part.mime, "data": _base64(part)}
    return {"type": "image", "source": source}


def _tool_result(rng: random.Random, use_id: str, result: str) -> dict[str, Any]:
    content = result if rng.random() < 0.5 else [{"type": "text", "text": result}]
    return {"type": "tool_result", "tool_use_id": use_id, "content": content}


def _messages_choice(asked: Neutral) -> dict[str, Any]:
    choice = asked.choice or "auto"
    made: dict[str, Any] = {"type": {"required": "any"}.get(choice, choice)}
    if choice.startswith("="):
        made = {"type": "tool", "name": choice[1:]}
    if asked.parallel is not None and choice != "none":
        made["disable_parallel_tool_use"] = not asked.parallel
    return made


def _generate(rng: random.Random, asked: Neutral) -> Written:
    with_ids = rng.random() < 0.5
    new_id = _ids(rng, "fc")
    contents: list[dict[str, Any]] = []
    for turn in asked.turns:
        if isinstance(turn, UserTurn):
            parts = [{"text": each} if isinstance(each, str) else _inline(rng, each) for each in turn.parts]
            contents.append({"role": "user", "parts": parts})
            continue
        ids = [{"id": new_id()} if with_ids else {} for _ in turn.calls]
        said = [{"text": turn.text}] if turn.text else []
        used = [
            {"functionCall": {**each, "name": call.name, "args": call.arguments}}
            for each, call in zip(ids, turn.calls, strict=True)
        ]
        contents.append({"role": "model", "parts": [*said, *used]})
        if turn.calls:
            # Without ids the order is all that pairs two results of one function.
            order = turn.order if with_ids else range(len(turn.calls))
            parts = [
                {
                    "functionResponse": {
                        **ids[at],
                        "name": turn.calls[at].name,
                        "response": turn.calls[at].result,
                    }
                }
                for at in order
            ]
            contents.append({"role": "user", "parts": parts})
    body: dict[str, Any] = {"contents": contents}
    if asked.system:
        body["systemInstruction"] = {"parts": [{"text": each} for each in asked.system]}
    if asked.tools:
        body["tools"] = [{"functionDeclarations": [_declaration(rng, each) for each in asked.tools]}]
    if asked.choice is not None:
        named = asked.choice.startswith("=")
        mode = "ANY" if named else {"auto": "AUTO", "none": "NONE", "required": "ANY"}[asked.choice]
        config: dict[str, Any] = {"mode": mode}
        if named:
            config["allowedFunctionNames"] = [asked.choice[1:]]
        body["toolConfig"] = {"functionCallingConfig": config}
    options: dict[str, Any] = {
        "stopSequences": list(asked.stop) or None,
        "temperature": asked.temperature,
        "topP": asked.top_p,
        "maxOutputTokens": asked.max_tokens,
    }
    if asked.schema is not None:
        options |= {"responseMimeType": "application/json", "responseJsonSchema": asked.schema}
    options = {name: value for name, value in options.items() if value is not None}
    if options:
        body["generationConfig"] = options
    method = "streamGenerateContent" if asked.stream else "generateContent"
    return Written(f"/v1beta/models/m:{method}", {"alt": "sse"} if asked.stream else {}, body)


def _inline(rng: random.Random, image: Image) -> dict[str, Any]:
    snake = rng.random() < 0.2  # Google's servers take both
    data = {"mime_type" if snake else "mimeType": image.mime, "data": _base64(image)}
    return {"inline_data" if snake else "inlineData": data}


def _declaration(rng: random.Random, tool: Tool) -> dict[str, Any]:
    described = {} if tool.description is None else {"description": tool.description}
    if rng.random() < 0.5:
        return {"name": tool.name, **described, "parameters": _openapi(tool.schema)}
    return {"name": tool.name, **described, "parametersJsonSchema": tool.schema}


def _openapi(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON Schema as Google's own `Schema`, whose types are in capitals."""
    made = {**schema, "type": schema["type"].upper()}
    if "items" in made:
        made["items"] = _openapi(made["items"])
    if "properties" in made:
        made["properties"] = {name: _openapi(each) for name, each in made["properties"].items()}
    return made


_WRITERS: Final[Mapping[str, Callable[[random.Random, Neutral], Written]]] = {
    "chat": _chat,
    "responses": _responses,
    "messages": _messages,
    "generate": _generate,
}

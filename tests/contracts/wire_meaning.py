"""What a request means, read from its bytes in each of four wire formats. Knows no translation.

Strict: a field that isn't known here is an error, so that nothing can be passed over. What two requests
may word differently and still mean the same is made equal:

1. neighbouring messages of one role are one turn; results of tools are the user's, and come first in it,
   in the order of the calls that they belong to;
2. a call is told by its number in the conversation, not by its id; its result has the same number;
3. JSON is compared by value: `1.0` is `1`, and the order of members is free;
4. a result that is JSON text is that value, and Gemini's `{"output": text}` is that text;
5. what is said is what is not said, where the vendor documents it as the default (`tool_choice` auto,
   several calls at once, `temperature` 1, `top_p` 1, `stream` false);
6. an answer's schema has a name in OpenAI's APIs, and a title in Gemini's: neither binds anything.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

Item = tuple[Any, ...]
"""(text, words), (image, type, bytes), (call, number, name, arguments) or (result, number, value)."""


class UnreadableError(AssertionError):
    """A request that has something that isn't known here."""


@dataclass(frozen=True)
class Meaning:
    """A request's meaning."""

    system: tuple[str, ...] = ()
    turns: tuple[tuple[str, tuple[Item, ...]], ...] = ()
    tools: tuple[tuple[str, str | None, str], ...] = ()
    """Name, description and schema, as JSON with sorted members."""
    choice: str = "auto"
    parallel: bool = True
    stop: tuple[str, ...] = ()
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int | None = None
    schema: str | None = None
    stream: bool = False
    notes: frozenset[str] = field(default=frozenset(), compare=False)
    """What else was there, and asks for nothing."""


def meaning_of(path: str, body: bytes) -> Meaning:
    """Read a request by its path. Raises `UnreadableError`."""
    asked = json.loads(body)
    place = urlsplit(path).path
    if place.endswith("/chat/completions"):
        return _chat(asked)
    if place.endswith("/responses"):
        return _responses(asked)
    if place.endswith("/messages"):
        return _messages(asked)
    if "enerateContent" in place:
        return _generate(asked, stream=place.endswith(":streamGenerateContent"))
    raise UnreadableError(f"no path of a wire format: {path}")


def canonical(value: Any) -> str:
    """JSON by value: with sorted members, and numbers that are equal the same."""
    return json.dumps(_numbered(value), sort_keys=True, ensure_ascii=False)


def _numbered(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _numbered(each) for name, each in value.items()}
    return [_numbered(each) for each in value] if isinstance(value, list) else value


def result_value(told: Any) -> str:
    """A tool's result as a value: text that is a JSON object or list is that."""
    if isinstance(told, str):
        try:
            parsed = json.loads(told)
        except ValueError:
            return canonical(told)
        return canonical(parsed if isinstance(parsed, dict | list) else told)
    if isinstance(told, dict) and set(told) == {"output"} and isinstance(told["output"], str):
        return result_value(told["output"])
    return canonical(told)


def _only(value: Any, where: str, *known: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableError(f"{where} is {value!r}, not an object")
    strange = set(value) - set(known)
    if strange:
        raise UnreadableError(f"{where} has {sorted(strange)}: {json.dumps(value)[:300]}")
    return value


class _Conversation:
    """Gathers turns; pairs results with calls."""

    def __init__(self) -> None:
        self._turns: list[tuple[str, list[Item]]] = []
        self._ids: dict[str, int] = {}
        self._names: list[str] = []
        self._told: set[int] = set()

    def _turn(self, role: str) -> list[Item]:
        if not self._turns or self._turns[-1][0] != role:
            self._turns.append((role, []))
        return self._turns[-1][1]

    def text(self, role: str, words: str) -> None:
        """Words; none at all are nothing."""
        if not isinstance(words, str):
            raise UnreadableError(f"text that is {words!r}")
        if words:
            self._turn(role).append(("text", words))

    def image(self, role: str, mime: str, data: str) -> None:
        """A picture."""
        self._turn(role).append(("image", mime, base64.b64decode(data, validate=True)))

    def image_url(self, role: str, url: str) -> None:
        """A picture in a data URL."""
        head, comma, data = url.partition(",")
        if not (comma and head.startswith("data:") and head.endswith(";base64")):
            raise UnreadableError(f"an image at {url[:80]}")
        self.image(role, head[5:-7], data)

    def call(self, call_id: str | None, name: str, arguments: Any) -> None:
        """A use of a tool. Ids are used once."""
        number = len(self._names)
        self._names.append(name)
        if call_id is not None:
            if call_id in self._ids:
                raise UnreadableError(f"two calls with the id {call_id}")
            self._ids[call_id] = number
        if not isinstance(arguments, dict):
            raise UnreadableError(f"arguments that are {arguments!r}")
        self._turn("assistant").append(("call", number, name, canonical(arguments)))

    def result(self, call_id: str | None, name: str | None, told: Any) -> None:
        """What came of a call; without an id the first of that name that has none yet."""
        if call_id is not None:
            if call_id not in self._ids:
                raise UnreadableError(f"a result of {call_id}, which nobody called")
            number = self._ids[call_id]
        else:
            open_calls = [at for at, each in enumerate(self._names) if each == name and at not in self._told]
            if not open_calls:
                raise UnreadableError(f"a result of {name}, which nobody called")
            number = open_calls[0]
        if number in self._told:
            raise UnreadableError(f"two results of call {number}")
        if name is not None and name != self._names[number]:
            raise UnreadableError(f"a result of {name} for a call of {self._names[number]}")
        self._told.add(number)
        self._turn("user").append(("result", number, result_value(told)))

    def turns(self) -> tuple[tuple[str, tuple[Item, ...]], ...]:
        """All turns, the results of each first and in the order of their calls."""
        return tuple(
            (role, tuple(sorted(items, key=lambda item: (0, item[1]) if item[0] == "result" else (1, 0))))
            for role, items in self._turns
        )


def _tool(name: str, description: str | None, schema: Any) -> tuple[str, str | None, str]:
    return name, description or None, canonical(schema)


def _texts(content: Any, where: str, kinds: tuple[str, ...] = ("text",)) -> list[str]:
    """The texts of content that may be nothing else."""
    if isinstance(content, str):
        return [content]
    made = []
    for part in content or ():
        _only(part, where, "type", "text")
        if part["type"] not in kinds:
            raise UnreadableError(f"{where} has a part of type {part['type']}")
        made.append(part["text"])
    return made


def _answer_schema(schema: dict[str, Any]) -> str:
    return canonical({name: value for name, value in schema.items() if name != "title"})


def _one(value: Any, default: float) -> float:
    return default if value is None else value


# OpenAI's chat completions.

_CHAT_FIELDS: Final = (
    "model", "messages", "stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls", "stop",
    "temperature", "top_p", "max_tokens", "max_completion_tokens", "response_format",
)  # fmt: skip


def _chat(asked: Any) -> Meaning:
    _only(asked, "request", *_CHAT_FIELDS)
    talk = _Conversation()
    system: list[str] = []
    for message in asked["messages"]:
        role = message["role"]
        if role in ("system", "developer"):
            _only(message, role, "role", "content")
            system += _texts(message["content"], role)
        elif role == "tool":
            _only(message, role, "role", "content", "tool_call_id")
            talk.result(message["tool_call_id"], None, "".join(_texts(message["content"], role)))
        elif role == "assistant":
            _only(message, role, "role", "content", "tool_calls")
            for words in _texts(message.get("content"), role):
                talk.text(role, words)
            for call in message.get("tool_calls") or ():
                _only(call, "call", "id", "type", "function")
                function = _only(call["function"], "function", "name", "arguments")
                talk.call(call["id"], function["name"], json.loads(function["arguments"]))
        else:
            _only(message, role, "role", "content")
            _chat_parts(talk, role, message["content"])
    stop = asked.get("stop") or ()
    stream_options = _only(asked.get("stream_options") or {}, "stream_options", "include_usage")
    return Meaning(
        system=tuple(system),
        turns=talk.turns(),
        tools=tuple(_chat_tool(each) for each in asked.get("tools") or ()),
        choice=_chat_choice(asked.get("tool_choice")),
        parallel=asked.get("parallel_tool_calls") is not False,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        temperature=_one(asked.get("temperature"), 1.0),
        top_p=_one(asked.get("top_p"), 1.0),
        max_tokens=_limit(asked),
        schema=_chat_schema(asked.get("response_format")),
        stream=asked.get("stream") is True,
        notes=frozenset(stream_options),
    )


def _limit(asked: Mapping[str, Any]) -> int | None:
    both = {asked[name] for name in ("max_tokens", "max_completion_tokens") if asked.get(name) is not None}
    if len(both) > 1:
        raise UnreadableError(f"two limits: {both}")
    return next(iter(both), None)


def _chat_parts(talk: _Conversation, role: str, content: Any) -> None:
    if role != "user":
        raise UnreadableError(f"a message of role {role}")
    if isinstance(content, str):
        talk.text(role, content)
        return
    for part in content:
        if part["type"] == "text":
            talk.text(role, _only(part, "part", "type", "text")["text"])
        elif part["type"] == "image_url":
            image = _only(part, "part", "type", "image_url")["image_url"]
            if _only(image, "image_url", "url", "detail").get("detail", "auto") != "auto":
                raise UnreadableError(f"detail {image['detail']}")
            talk.image_url(role, image["url"])
        else:
            raise UnreadableError(f"a part of type {part['type']}")


def _chat_tool(tool: Any) -> tuple[str, str | None, str]:
    _only(tool, "tool", "type", "function")
    function = _only(tool["function"], "function", "name", "description", "parameters", "strict")
    if function.get("strict"):
        raise UnreadableError("a tool became strict")
    return _tool(function["name"], function.get("description"), function.get("parameters"))


def _chat_choice(choice: Any) -> str:
    if choice is None or isinstance(choice, str):
        return choice or "auto"
    if _only(choice, "tool_choice", "type", "function")["type"] != "function":
        raise UnreadableError(f"tool_choice {choice}")
    return "=" + choice["function"]["name"]


def _chat_schema(form: Any) -> str | None:
    if form is None or form == {"type": "text"}:
        return None
    if _only(form, "response_format", "type", "json_schema")["type"] != "json_schema":
        raise UnreadableError(f"response_format {form}")
    told = _only(form["json_schema"], "json_schema", "name", "strict", "schema")
    return _answer_schema(told["schema"])


# OpenAI's responses.

_RESPONSES_FIELDS: Final = (
    "model", "input", "instructions", "stream", "tools", "tool_choice", "parallel_tool_calls", "temperature",
    "top_p", "max_output_tokens", "text",
)  # fmt: skip


def _responses(asked: Any) -> Meaning:
    _only(asked, "request", *_RESPONSES_FIELDS)
    talk = _Conversation()
    system = [asked["instructions"]] if asked.get("instructions") else []
    given = asked["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    for item in items:
        kind = item.get("type", "message")
        if kind == "function_call":
            _only(item, kind, "type", "call_id", "name", "arguments", "id", "status")
            talk.call(item["call_id"], item["name"], json.loads(item["arguments"]))
        elif kind == "function_call_output":
            _only(item, kind, "type", "call_id", "output", "id", "status")
            talk.result(item["call_id"], None, "".join(_texts(item["output"], kind, ("input_text",))))
        elif kind == "message":
            _only(item, kind, "type", "role", "content", "id", "status")
            _responses_message(talk, system, item)
        else:
            raise UnreadableError(f"an item of type {kind}")
    choice = asked.get("tool_choice")
    form = _only(asked.get("text") or {}, "text", "format").get("format") or {"type": "text"}
    schema = None
    if form["type"] != "text":
        _only(form, "format", "type", "name", "strict", "schema")
        schema = _answer_schema(form["schema"])
    return Meaning(
        system=tuple(system),
        turns=talk.turns(),
        tools=tuple(_responses_tool(each) for each in asked.get("tools") or ()),
        choice="=" + choice["name"] if isinstance(choice, dict) else choice or "auto",
        parallel=asked.get("parallel_tool_calls") is not False,
        temperature=_one(asked.get("temperature"), 1.0),
        top_p=_one(asked.get("top_p"), 1.0),
        max_tokens=asked.get("max_output_tokens"),
        schema=schema,
        stream=asked.get("stream") is True,
    )


def _responses_message(talk: _Conversation, system: list[str], item: Any) -> None:
    role, content = item["role"], item["content"]
    if role in ("system", "developer"):
        system += _texts(content, role, ("input_text",))
        return
    if role == "assistant":
        for words in _texts(content, role, ("output_text",)):
            talk.text(role, words)
        return
    for part in [{"type": "input_text", "text": content}] if isinstance(content, str) else content:
        if part["type"] == "input_text":
            talk.text(role, _only(part, "part", "type", "text")["text"])
        elif part["type"] == "input_image":
            talk.image_url(role, _only(part, "part", "type", "image_url", "detail")["image_url"])
        else:
            raise UnreadableError(f"a part of type {part['type']}")


def _responses_tool(tool: Any) -> tuple[str, str | None, str]:
    _only(tool, "tool", "type", "name", "description", "parameters", "strict")
    if tool["type"] != "function" or tool.get("strict"):
        raise UnreadableError(f"a tool that is {tool['type']}, strict {tool.get('strict')}")
    return _tool(tool["name"], tool.get("description"), tool["parameters"])


# Anthropic's messages.

_MESSAGES_FIELDS: Final = (
    "model", "messages", "max_tokens", "system", "tools", "tool_choice", "stop_sequences", "temperature",
    "top_p", "stream", "output_config", "thinking",
)  # fmt: skip


def _messages(asked: Any) -> Meaning:
    _only(asked, "request", *_MESSAGES_FIELDS)
    talk = _Conversation()
    for message in asked["messages"]:
        _only(message, "message", "role", "content")
        role, content = message["role"], message["content"]
        for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            _messages_block(talk, role, block)
    notes = set()
    if "thinking" in asked:
        if asked["thinking"] != {"type": "disabled"}:
            raise UnreadableError(f"thinking {asked['thinking']}")
        notes.add("thinking disabled")
    choice = asked.get("tool_choice") or {"type": "auto"}
    _only(choice, "tool_choice", "type", "name", "disable_parallel_tool_use")
    kinds = {"auto": "auto", "any": "required", "none": "none", "tool": f"={choice.get('name')}"}
    form = _only(asked.get("output_config") or {}, "output_config", "format").get("format")
    if form is not None and _only(form, "format", "type", "schema")["type"] != "json_schema":
        raise UnreadableError(f"format {form}")
    return Meaning(
        system=tuple(_texts(asked.get("system"), "system")),
        turns=talk.turns(),
        tools=tuple(_messages_tool(each) for each in asked.get("tools") or ()),
        choice=kinds[choice["type"]],
        parallel=choice.get("disable_parallel_tool_use") is not True,
        stop=tuple(asked.get("stop_sequences") or ()),
        temperature=_one(asked.get("temperature"), 1.0),
        top_p=_one(asked.get("top_p"), 1.0),
        max_tokens=asked["max_tokens"],
        schema=None if form is None else _answer_schema(form["schema"]),
        stream=asked.get("stream") is True,
        notes=frozenset(notes),
    )


def _messages_block(talk: _Conversation, role: str, block: Any) -> None:
    kind = block["type"]
    if kind == "text":
        talk.text(role, _only(block, kind, "type", "text")["text"])
    elif kind == "image":
        source = _only(_only(block, kind, "type", "source")["source"], kind, "type", "media_type", "data")
        talk.image(role, source["media_type"], source["data"])
    elif kind == "tool_use" and role == "assistant":
        _only(block, kind, "type", "id", "name", "input")
        talk.call(block["id"], block["name"], block["input"])
    elif kind == "tool_result" and role == "user":
        _only(block, kind, "type", "tool_use_id", "content")
        talk.result(block["tool_use_id"], None, "".join(_texts(block.get("content"), kind)))
    else:
        raise UnreadableError(f"a block of type {kind} of the {role}")


def _messages_tool(tool: Any) -> tuple[str, str | None, str]:
    _only(tool, "tool", "name", "description", "input_schema")
    return _tool(tool["name"], tool.get("description"), tool["input_schema"])


# Google's generateContent.


def _generate(asked: Any, *, stream: bool) -> Meaning:
    _only(asked, "request", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig")
    talk = _Conversation()
    for content in asked["contents"]:
        _only(content, "content", "role", "parts")
        role = {"model": "assistant", "user": "user", "function": "user"}[content["role"]]
        for part in content["parts"]:
            _generate_part(talk, role, part)
    instruction = _only(asked.get("systemInstruction") or {"parts": []}, "system", "parts", "role")
    config = _only(
        asked.get("generationConfig") or {},
        "generationConfig",
        "stopSequences",
        "temperature",
        "topP",
        "maxOutputTokens",
        "responseMimeType",
        "responseJsonSchema",
    )
    schema = config.get("responseJsonSchema")
    if (schema is not None) is not (config.get("responseMimeType") == "application/json"):
        raise UnreadableError(f"a schema and its MIME type: {config}")
    return Meaning(
        system=tuple(_only(each, "part", "text")["text"] for each in instruction["parts"]),
        turns=talk.turns(),
        tools=tuple(
            _generate_tool(each)
            for group in asked.get("tools") or ()
            for each in _only(group, "tools", "functionDeclarations")["functionDeclarations"]
        ),
        choice=_generate_choice(asked.get("toolConfig")),
        stop=tuple(config.get("stopSequences") or ()),
        temperature=_one(config.get("temperature"), 1.0),
        top_p=_one(config.get("topP"), 1.0),
        max_tokens=config.get("maxOutputTokens"),
        schema=None if schema is None else _answer_schema(schema),
        stream=stream,
    )


def _generate_part(talk: _Conversation, role: str, part: Any) -> None:
    _only(
        part, "part", "text", "inlineData", "inline_data", "functionCall", "functionResponse", "thoughtSignature"
    )  # fmt: skip
    if "text" in part:
        talk.text(role, part["text"])
    elif "functionCall" in part:
        call = _only(part["functionCall"], "functionCall", "id", "name", "args")
        talk.call(call.get("id"), call["name"], call.get("args") or {})
    elif "functionResponse" in part:
        told = _only(part["functionResponse"], "functionResponse", "id", "name", "response")
        talk.result(told.get("id"), told["name"], told["response"])
    else:
        data = part.get("inlineData") or part["inline_data"]
        _only(data, "inlineData", "mimeType", "mime_type", "data")
        talk.image(role, data.get("mimeType") or data["mime_type"], data["data"])


def _generate_choice(config: Any) -> str:
    if config is None:
        return "auto"
    calling = _only(config, "toolConfig", "functionCallingConfig")["functionCallingConfig"]
    _only(calling, "functionCallingConfig", "mode", "allowedFunctionNames")
    names = calling.get("allowedFunctionNames")
    if names:
        if calling["mode"] != "ANY" or len(names) != 1:
            raise UnreadableError(f"functionCallingConfig {calling}")
        return "=" + names[0]
    return {"AUTO": "auto", "NONE": "none", "ANY": "required"}[calling["mode"]]


def _generate_tool(tool: Any) -> tuple[str, str | None, str]:
    _only(tool, "functionDeclaration", "name", "description", "parameters", "parametersJsonSchema")
    schema = (
        tool["parametersJsonSchema"] if "parametersJsonSchema" in tool else _json_schema(tool["parameters"])
    )
    return _tool(tool["name"], tool.get("description"), schema)


def _json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Google's own `Schema` as a JSON Schema."""
    made = {**schema, "type": schema["type"].lower()}
    if "items" in made:
        made["items"] = _json_schema(made["items"])
    if "properties" in made:
        made["properties"] = {name: _json_schema(each) for name, each in made["properties"].items()}
    return made

"""From OpenAI's chat completion request to a question, refusing what OpenAI refuses."""

import re
from collections.abc import Mapping
from typing import Any

from halfopen.lab.continuation import Turn, begun
from halfopen.lab.openai.refusal import Refusal
from halfopen.lab.question import Question, Tool, going_on

_NAME = re.compile(r"\A[a-zA-Z0-9_-]{1,64}\Z")
_REASONING = re.compile(r"\A(?:o\d|gpt-5)")
_JSON_WORD = "json"
Body = Mapping[str, Any]


def question(body: Body, size_bytes: int, *, restarts: bool = False) -> Question:
    """Read a request whose shape is right. Raises Refusal.

    Args:
        body: The request.
        size_bytes: How long it came.
        restarts: Whether a model that is told to go on with an answer begins it anew.
    """
    _check_together(body)
    _check_model(body)
    messages = body["messages"]
    _check_tool_turns(messages)
    response_format = body.get("response_format") or {"type": "text"}
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    stop = body.get("stop") or ()
    asked = Question(
        dialect="openai",
        model=body["model"],
        prompt=_prompt(messages),
        stream=body.get("stream") is True,
        include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        images=_images(messages),
        results=_results(messages),
        tools=_tools(body),
        tool_choice=_tool_choice(body),
        parallel=body.get("parallel_tool_calls", True),
        schema=_schema(response_format, messages),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        output_tokens_max=limit,
        choices=body.get("n") or 1,
        input_tokens=max(1, size_bytes // 5),
    )
    turns = [
        Turn(each["role"] == "user", text_of(each.get("content")))
        for each in messages
        if each["role"] in {"user", "assistant"}
    ]
    return going_on(asked, begun(turns, prefill=False), restarts=restarts)


def _check_together(body: Body) -> None:
    for name in ("tool_choice", "parallel_tool_calls"):
        if name in body and "tools" not in body:
            raise Refusal(f"'{name}' is only allowed when 'tools' are specified.", param=name)
    if body.get("stream_options") is not None and body.get("stream") is not True:
        raise Refusal(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        raise Refusal(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            code="invalid_parameter_combination",
        )
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        raise Refusal(
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.", param="top_logprobs"
        )


def _check_model(body: Body) -> None:
    if not _REASONING.match(body["model"]):
        return
    if body.get("max_tokens") is not None:
        raise Refusal(
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            param="max_tokens",
            code="unsupported_parameter",
        )
    if body.get("stop") is not None:
        raise Refusal(
            "Unsupported parameter: 'stop' is not supported with this model.",
            param="stop",
            code="unsupported_parameter",
        )
    for name in ("temperature", "top_p"):
        if body.get(name) not in {None, 1}:
            raise Refusal(
                f"Unsupported value: '{name}' does not support {body[name]} with this model. "
                "Only the default (1) value is supported.",
                param=name,
                code="unsupported_value",
            )


def _check_tool_turns(messages: list[Body]) -> None:
    awaited: set[str] = set()
    open_turn = False
    for place, message in enumerate(messages):
        if message["role"] == "tool":
            if not open_turn:
                raise Refusal(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message "
                    "with 'tool_calls'.",
                    param=f"messages.[{place}].role",
                )
            if message["tool_call_id"] not in awaited:
                raise Refusal(
                    "Invalid parameter: 'tool_call_id' of "
                    f"'{message['tool_call_id']}' not found in 'tool_calls' of previous message.",
                    param=f"messages.[{place}].tool_call_id",
                )
            awaited.discard(message["tool_call_id"])
            continue
        _check_answered(awaited, place)
        calls = message.get("tool_calls") or () if message["role"] == "assistant" else ()
        if message["role"] == "assistant" and not calls and message.get("content") is None:
            _check_content(message, place)
        awaited = {call["id"] for call in calls}
        open_turn = bool(calls)
    _check_answered(awaited, len(messages))


def _check_content(message: Body, place: int) -> None:
    if message.get("refusal") is None and message.get("function_call") is None:
        raise Refusal(
            f"Invalid value for 'content': expected a string, got null. (messages[{place}])",
            param=f"messages.[{place}].content",
        )


def _check_answered(awaited: set[str], place: int) -> None:
    if awaited:
        raise Refusal(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            "'tool_call_id'. The following tool_call_ids did not have response messages: "
            f"{', '.join(sorted(awaited))}",
            param=f"messages.[{place}].role",
        )


def text_of(content: Any) -> str:
    """The text of a message's content."""
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content or () if part["type"] == "text")


def _prompt(messages: list[Body]) -> str:
    return next((text_of(each["content"]) for each in reversed(messages) if each["role"] == "user"), "")


def _images(messages: list[Body]) -> int:
    images = 0
    for message in messages:
        if isinstance(message.get("content"), list):
            for part in message["content"]:
                if part["type"] == "image_url":
                    check_image(part["image_url"]["url"])
                    images += 1
    return images


def check_name(name: str, place: str) -> None:
    """Refuse a name that OpenAI does not take. Raises Refusal."""
    if not _NAME.match(name):
        raise Refusal(
            f"Invalid '{place}': string does not match pattern. "
            "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
            param=place,
            code="invalid_value",
        )


def check_image(url: str) -> None:
    """Refuse an address that can't be an image's. Raises Refusal."""
    if not url.startswith(("https://", "http://", "data:image/")):
        raise Refusal(
            f"Invalid image URL: '{url[:40]}'. Expected a valid URL or a base64-encoded data URL.",
            param="url",
            code="invalid_image_url",
        )


def _results(messages: list[Body]) -> tuple[str, ...]:
    found: list[str] = []
    for message in reversed(messages):
        if message["role"] != "tool":
            break
        found.append(text_of(message["content"]))
    return tuple(reversed(found))


def _tools(body: Body) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for place, tool in enumerate(body.get("tools") or ()):
        if tool["type"] != "function":
            continue
        function = tool["function"]
        check_name(function["name"], f"tools[{place}].function.name")
        schema = function.get("parameters") or {"type": "object", "properties": {}}
        if function.get("strict"):
            check_strict(schema, f"function '{function['name']}'", f"tools[{place}].function.parameters")
        tools.append(Tool(function["name"], schema))
    return tuple(tools)


def _tool_choice(body: Body) -> str:
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, str):
        return choice
    if choice["type"] != "function":
        return "auto"
    name = choice["function"]["name"]
    if all(tool["type"] != "function" or tool["function"]["name"] != name for tool in body["tools"]):
        raise Refusal(f"Tool choice 'function' '{name}' not found in 'tools' parameter.", param="tool_choice")
    return f"={name}"


def _schema(response_format: Body, messages: list[Body]) -> Mapping[str, Any] | None:
    if response_format["type"] == "text":
        return None
    if response_format["type"] == "json_object":
        if not any(_JSON_WORD in text_of(each.get("content")).lower() for each in messages):
            raise Refusal(
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
                "'json_object'.",
                param="messages",
            )
        return {}
    wanted = response_format["json_schema"]
    check_name(wanted["name"], "response_format.json_schema.name")
    schema: Mapping[str, Any] = wanted.get("schema") or {"type": "object"}
    if wanted.get("strict"):
        check_strict(schema, f"response_format '{wanted['name']}'", "response_format")
    return schema


def check_strict(schema: Any, owner: str, param: str, context: tuple[str, ...] = ()) -> None:
    """Refuse a schema that strict mode does not take. Raises Refusal."""
    if not isinstance(schema, Mapping):
        return
    where = f"In context={context!r}"
    if schema.get("type") == "object" or "properties" in schema:
        problem = None
        if schema.get("additionalProperties") is not False:
            problem = "'additionalProperties' is required to be supplied and to be false."
        elif set(schema.get("properties") or ()) - set(schema.get("required") or ()):
            missing = min(set(schema["properties"]) - set(schema.get("required") or ()))
            problem = (
                "'required' is required to be supplied and to be an array including every key in "
                f"properties. Missing '{missing}'."
            )
        if problem:
            raise Refusal(
                f"Invalid schema for {owner}: {where}, {problem}", param=param, code="invalid_json_schema"
            )
    for name, part in (schema.get("properties") or {}).items():
        check_strict(part, owner, param, (*context, "properties", name))
    for name, part in (schema.get("$defs") or {}).items():
        check_strict(part, owner, param, (*context, "$defs", name))
    check_strict(schema.get("items"), owner, param, (*context, "items"))
    for place, part in enumerate(schema.get("anyOf") or ()):
        check_strict(part, owner, param, (*context, "anyOf", str(place)))

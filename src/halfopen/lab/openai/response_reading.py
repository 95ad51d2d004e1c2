"""From OpenAI's Responses request to a question, refusing what OpenAI refuses."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from halfopen.lab.continuation import Turn, begun
from halfopen.lab.openai.reading import check_image, check_name, check_strict
from halfopen.lab.openai.refusal import Refusal
from halfopen.lab.question import Question, Tool, going_on

_REASONING = re.compile(r"\A(?:o\d|gpt-5)")
Body = Mapping[str, Any]
Items = Sequence[Body]


def reasons(model: str) -> bool:
    """Whether a model thinks before it answers."""
    return _REASONING.match(model) is not None


def items_of(body: Body) -> list[dict[str, Any]]:
    """The input as items."""
    given = body.get("input") or []
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return [{"type": "message", **item} for item in given]


def response_question(body: Body, items: Items, size_bytes: int, *, restarts: bool) -> Question:
    """Read a request whose shape is right. Raises Refusal.

    Args:
        body: The request.
        items: The whole conversation: what was kept of it and what the request adds.
        size_bytes: How long the request came.
        restarts: Whether a model that is told to go on with an answer begins it anew.
    """
    _check_model(body)
    _check_calls(items)
    asked = Question(
        dialect="openai",
        model=body["model"],
        prompt=next((text_of(item) for item in reversed(items) if item.get("role") == "user"), ""),
        stream=body.get("stream") is True,
        images=_images(items),
        results=_results(items),
        tools=_tools(body),
        tool_choice=_tool_choice(body),
        parallel=body.get("parallel_tool_calls") is not False,
        schema=_schema(body, items),
        output_tokens_max=body.get("max_output_tokens"),
        input_tokens=max(1, size_bytes // 5),
        thinks=reasons(body["model"]) and bool((body.get("reasoning") or {}).get("summary")),
    )
    turns = [
        Turn(item["role"] == "user", text_of(item))
        for item in items
        if item.get("role") in {"user", "assistant"}
    ]
    return going_on(asked, begun(turns, prefill=False), restarts=restarts)


def text_of(item: Body) -> str:
    """The text of a message, or of a call's output."""
    content = item.get("output") if item["type"] == "function_call_output" else item.get("content")
    if isinstance(content, str):
        return content
    separator = "" if item.get("role") == "assistant" else " "
    return separator.join(part["text"] for part in content or () if "text" in part)


def _check_model(body: Body) -> None:
    if body.get("input") is None and not (body.get("previous_response_id") or body.get("prompt")):
        raise Refusal(
            'One of "input" or "previous_response_id" or "prompt" or "conversation_id" must be provided.',
            param="input",
            code="missing_required_parameter",
        )
    if reasons(body["model"]):
        for name in ("temperature", "top_p"):
            if body.get(name) not in {None, 1}:
                raise Refusal(
                    f"Unsupported parameter: '{name}' is not supported with this model.", param=name
                )
    elif (body.get("reasoning") or {}).get("effort"):
        raise Refusal(
            "Unsupported parameter: 'reasoning.effort' is not supported with this model.",
            param="reasoning.effort",
            code="unsupported_parameter",
        )
    if body.get("stream_options") is not None and body.get("stream") is not True:
        raise Refusal(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )


def _check_calls(items: Items) -> None:
    called = [item["call_id"] for item in items if item["type"] == "function_call"]
    answered = [item["call_id"] for item in items if item["type"] == "function_call_output"]
    for call_id in answered:
        if call_id not in called:
            raise Refusal(
                f"No tool call found for function call output with call_id {call_id}.", param="input"
            )
    for call_id in called:
        if call_id not in answered:
            raise Refusal(f"No tool output found for function call {call_id}.", param="input")


def _images(items: Items) -> int:
    images = 0
    for item in items:
        for content in (item.get("content"), item.get("output")):
            for part in content if isinstance(content, list) else ():
                if isinstance(part, Mapping) and part.get("type") == "input_image":
                    if part.get("image_url"):
                        check_image(part["image_url"])
                    images += 1
    return images


def _results(items: Items) -> tuple[str, ...]:
    found: list[str] = []
    for item in reversed(items):
        if item["type"] != "function_call_output":
            break
        found.append(text_of(item))
    return tuple(reversed(found))


def _tools(body: Body) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for place, tool in enumerate(body.get("tools") or ()):
        if tool["type"] != "function":
            continue
        check_name(tool["name"], f"tools[{place}].name")
        schema = tool.get("parameters") or {"type": "object", "properties": {}}
        if tool.get("strict"):
            check_strict(schema, f"function '{tool['name']}'", f"tools[{place}].parameters")
        tools.append(Tool(tool["name"], schema))
    return tuple(tools)


def _tool_choice(body: Body) -> str:
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, str):
        return choice
    if choice["type"] != "function":
        return "auto"
    names = [tool.get("name") for tool in body.get("tools") or () if tool["type"] == "function"]
    if choice["name"] not in names:
        raise Refusal("Tool choice 'function' not found in 'tools' parameter.", param="tool_choice")
    return f"={choice['name']}"


def _schema(body: Body, items: Items) -> Mapping[str, Any] | None:
    wanted = (body.get("text") or {}).get("format") or {"type": "text"}
    if wanted["type"] == "text":
        return None
    if wanted["type"] == "json_object":
        if not any("json" in text_of(item).lower() for item in items if item["type"] == "message"):
            raise Refusal(
                "Response input messages must contain the word 'json' in some form to use 'text.format' of "
                "type 'json_object'.",
                param="input",
            )
        return {}
    check_name(wanted["name"], "text.format.name")
    schema: Mapping[str, Any] = wanted["schema"]
    if wanted.get("strict"):
        check_strict(schema, f"response_format '{wanted['name']}'", "text.format.schema")
    return schema

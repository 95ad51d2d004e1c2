"""From Anthropic's messages request to a question, refusing what Anthropic refuses."""

import re
from collections.abc import Mapping
from typing import Any

from halfopen.lab.anthropic.refusal import Refusal
from halfopen.lab.anthropic.thinking import check_signature, check_thinking, thinks
from halfopen.lab.continuation import Turn, begun
from halfopen.lab.question import Question, Tool, going_on

_NAME = re.compile(r"\A[a-zA-Z0-9_-]{1,128}\Z")
_NO_SAMPLING = re.compile(r"\Aclaude-(?:opus-4-[78]|[a-z]+-5\b)")
_ONE_SAMPLING = re.compile(r"\Aclaude-(?:[a-z]+-4-[56]|opus-4-1)")
_NO_PREFILL = re.compile(r"\Aclaude-(?:(?:opus|sonnet)-4-[678]|[a-z]+-(?:[5-9]|\d\d)(?!\d))")
"""Claude 4.6 and later: https://platform.claude.com/docs/en/api/errors#prefill-not-supported"""
_UNSUPPORTED = {
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength"),
    "array": ("maxItems", "uniqueItems"),
}
Body = Mapping[str, Any]


def question(body: Body, size_bytes: int, *, restarts: bool = False) -> Question:
    """Read a request whose shape is right. Raises Refusal.

    Args:
        body: The request.
        size_bytes: How long it came.
        restarts: Whether a model that is told to go on with an answer begins it anew.
    """
    _check_sampling(body)
    messages = body["messages"]
    _check_messages(messages)
    _check_prefill(body)
    tools = _tools(body)
    choice = body.get("tool_choice") or {"type": "auto"}
    wanted = (body.get("output_config") or {}).get("format")
    if wanted is not None:
        _check_schema(wanted["schema"])
    asked = Question(
        dialect="anthropic",
        model=body["model"],
        prompt=_prompt(messages),
        stream=body.get("stream") is True,
        images=_images(messages),
        results=_results(messages),
        tools=tools,
        tool_choice=_tool_choice(choice, tools),
        parallel=not choice.get("disable_parallel_tool_use", False),
        schema=None if wanted is None else wanted["schema"],
        stop=_stop(body),
        output_tokens_max=body.get("max_tokens"),
        input_tokens=max(1, size_bytes // 5),
        thinks=thinks(body),
    )
    return going_on(asked, begun(_turns(messages), prefill=True), restarts=restarts)


def _turns(messages: list[Body]) -> list[Turn]:
    return [
        Turn(
            message["role"] == "user",
            "".join(block["text"] for block in blocks_of(message) if block["type"] == "text"),
        )
        for message in messages
    ]


def _check_prefill(body: Body) -> None:
    last = body["messages"][-1]
    if last["role"] != "assistant":
        return
    if _NO_PREFILL.match(body["model"]):
        raise Refusal(
            "This model does not support assistant message prefill. The conversation must end with a user "
            "message."
        )
    blocks = blocks_of(last)
    if thinks(body) and blocks and blocks[0]["type"] not in {"thinking", "redacted_thinking"}:
        raise Refusal(
            f"messages.{len(body['messages']) - 1}.content.0.type: Expected `thinking` or "
            f"`redacted_thinking`, but found `{blocks[0]['type']}`. When `thinking` is enabled, a final "
            "`assistant` message must start with a thinking block (preceeding the lastmost set of "
            "`tool_use` and `tool_result` blocks)."
        )


def _check_sampling(body: Body) -> None:
    model = body["model"]
    given = [name for name in ("temperature", "top_p", "top_k") if name in body]
    if given and _NO_SAMPLING.match(model):
        raise Refusal(f"`{given[0]}` is deprecated for this model.")
    if {"temperature", "top_p"} <= set(given) and _ONE_SAMPLING.match(model):
        raise Refusal(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
        )
    check_thinking(body)


def blocks_of(message: Body) -> list[Body]:
    """A message's content as blocks."""
    content = message["content"]
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content)


def _check_messages(messages: list[Body]) -> None:
    if messages[0]["role"] != "user":
        raise Refusal('messages: first message must use the "user" role')
    for place, message in enumerate(messages):
        _check_content(message, place, last=place == len(messages) - 1)
    for place, message in enumerate(messages):
        _check_tool_turn(messages, place, message)


def _check_content(message: Body, place: int, *, last: bool) -> None:
    blocks = blocks_of(message)
    if not blocks or message["content"] == "":
        if not (last and message["role"] == "assistant"):
            raise Refusal(
                f"messages.{place}: all messages must have non-empty content except for the optional final "
                "assistant message"
            )
        return
    for block in blocks:
        if block["type"] == "text" and not block["text"]:
            raise Refusal("messages: text content blocks must be non-empty")
        if block["type"] == "text" and not block["text"].strip():
            raise Refusal("messages: text content blocks must contain non-whitespace text")
        check_signature(block, place)
        if block["type"] in {"tool_use", "thinking"} and message["role"] != "assistant":
            raise Refusal(f"messages.{place}: `{block['type']}` blocks can only be in `assistant` messages")
        if block["type"] == "tool_result" and message["role"] != "user":
            raise Refusal(f"messages.{place}: `tool_result` blocks can only be in `user` messages")
    if last and message["role"] == "assistant" and blocks[-1].get("text", "").endswith((" ", "\n")):
        raise Refusal("messages: final assistant content cannot end with trailing whitespace")


def _ids(message: Body | None, type_: str, field: str) -> list[str]:
    return [] if message is None else [b[field] for b in blocks_of(message) if b["type"] == type_]


def _check_tool_turn(messages: list[Body], place: int, message: Body) -> None:
    before = messages[place - 1] if place else None
    used = _ids(before, "tool_use", "id")
    for number, block in enumerate(blocks_of(message)):
        if block["type"] == "tool_result" and block["tool_use_id"] not in used:
            raise Refusal(
                f"messages.{place}.content.{number}: unexpected `tool_use_id` found in `tool_result` "
                f"blocks: {block['tool_use_id']}. Each `tool_result` block must have a corresponding "
                "`tool_use` block in the previous message."
            )
    mine = _ids(message, "tool_use", "id")
    if len(set(mine)) < len(mine):
        raise Refusal(f"messages.{place}: `tool_use` ids must be unique")
    after = messages[place + 1] if place + 1 < len(messages) else None
    answered = _leading_results(after)
    missing = [each for each in mine if each not in answered]
    if missing:
        raise Refusal(
            f"messages.{place}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in "
            "the next message."
        )


def _leading_results(message: Body | None) -> set[str]:
    found: set[str] = set()
    for block in () if message is None else blocks_of(message):
        if block["type"] != "tool_result":
            break
        found.add(block["tool_use_id"])
    return found


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(block["text"] for block in content or () if block["type"] == "text")


def _prompt(messages: list[Body]) -> str:
    for message in reversed(messages):
        if message["role"] == "user":
            text = _text_of(message["content"])
            if text:
                return text
    return ""


def _images(messages: list[Body]) -> int:
    return sum(block["type"] == "image" for message in messages for block in blocks_of(message))


def _results(messages: list[Body]) -> tuple[str, ...]:
    last = messages[-1]
    return tuple(_text_of(b.get("content")) for b in blocks_of(last) if b["type"] == "tool_result")


def _tools(body: Body) -> tuple[Tool, ...]:
    tools = body.get("tools") or ()
    for place, tool in enumerate(tools):
        if not _NAME.match(tool["name"]):
            raise Refusal(
                f"tools.{place}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )
        if tool.get("strict"):
            _check_schema(tool["input_schema"])
    if len({tool["name"] for tool in tools}) < len(tools):
        raise Refusal("tools: Tool names must be unique.")
    if body.get("tool_choice") is not None and not tools:
        raise Refusal("tool_choice: tools must be specified when using tool_choice.")
    if not tools and any(_ids(message, "tool_use", "id") for message in body["messages"]):
        raise Refusal("Requests which include `tool_use` or `tool_result` blocks must define tools")
    return tuple(Tool(tool["name"], tool["input_schema"]) for tool in tools)


def _tool_choice(choice: Body, tools: tuple[Tool, ...]) -> str:
    if choice["type"] == "tool":
        if all(tool.name != choice["name"] for tool in tools):
            raise Refusal(f"Tool '{choice['name']}' not found in provided tools")
        return f"={choice['name']}"
    return {"auto": "auto", "any": "required", "none": "none"}[choice["type"]]


def _stop(body: Body) -> tuple[str, ...]:
    stops = tuple(body.get("stop_sequences") or ())
    if any(not stop.strip() for stop in stops):
        raise Refusal("stop_sequences: each stop sequence must contain non-whitespace")
    return stops


def _check_schema(schema: Any) -> None:
    if not isinstance(schema, Mapping):
        return
    kind = schema.get("type")
    if kind == "object" and schema.get("additionalProperties") is not False:
        raise Refusal(
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set "
            "to false"
        )
    unsupported = [name for name in _UNSUPPORTED.get(str(kind), ()) if name in schema]
    if unsupported:
        raise Refusal(
            f"output_config.format.schema: For '{kind}' type, properties {', '.join(unsupported)} are not "
            "supported"
        )
    if kind == "array" and schema.get("minItems", 0) > 1:
        raise Refusal(
            "output_config.format.schema: For 'array' type, 'minItems' values other than 0 or 1 are not "
            "supported"
        )
    for group in ("properties", "$defs", "definitions"):
        for part in (schema.get(group) or {}).values():
            _check_schema(part)
    for group in ("anyOf", "allOf"):
        for part in schema.get(group) or ():
            _check_schema(part)
    _check_schema(schema.get("items"))

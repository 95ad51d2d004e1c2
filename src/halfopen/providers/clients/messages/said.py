"""What a chat completion says, in a whole message or in one chunk of it, as Anthropic's pieces."""

from typing import Any

import msgspec

_NO_JSON = "INVALID_JSON"
"""Where Anthropic wants arguments that are no JSON: `input` must be an object."""


class Function(msgspec.Struct, frozen=True):
    """A function that is called, or a piece of the call."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class ToolCall(msgspec.Struct, frozen=True):
    """A tool call, or a piece of it."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Said(msgspec.Struct, frozen=True):
    """A message, or what one chunk adds to it.

    `content` is a list of parts at Mistral's reasoning models; `reasoning` is OpenRouter's and
    vLLM's word for what DeepSeek calls `reasoning_content`.
    """

    content: str | list[Any] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] | None = None

    def thinking_and_text(self) -> tuple[str, str]:
        """The thoughts, and the text without them."""
        thinking = self.reasoning_content or self.reasoning or ""
        if not isinstance(self.content, list):
            return thinking, self.content or ""
        texts, thoughts = [], [thinking]
        for part in self.content:
            if isinstance(part, dict):
                texts.append(_text(part.get("text")))
                thoughts.append(_thoughts(part.get("thinking")))
        return "".join(thoughts), "".join(texts)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _thoughts(value: object) -> str:
    if not isinstance(value, list):
        return _text(value)
    return "".join(_text(each.get("text")) for each in value if isinstance(each, dict))


def arguments_text(arguments: str | dict[str, Any] | None) -> str:
    """A piece of a call's arguments as text; some servers send an object."""
    if isinstance(arguments, dict):
        return msgspec.json.encode(arguments).decode()
    return arguments or ""


def input_json(arguments: str) -> bytes:
    """A call's whole arguments as a JSON object, verbatim if they are one."""
    if not arguments.strip():
        return b"{}"
    raw = arguments.encode("utf-8", "replace")
    try:
        whole = isinstance(msgspec.json.decode(raw), dict)
    except (msgspec.DecodeError, RecursionError):
        whole = False
    return raw if whole else msgspec.json.encode({_NO_JSON: raw.decode()})

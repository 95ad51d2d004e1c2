"""What a chat completion says, in a whole message or in one chunk of it, as Anthropic's pieces."""

from typing import Any

import msgspec

_NO_JSON = "INVALID_JSON"
"""Where Anthropic wants arguments that are no JSON: `input` must be an object."""


class Function(msgspec.Struct, frozen=True):
    """A function that is called, or a piece of the call."""

    name: str | None = None
    arguments: Any = None


class ToolCall(msgspec.Struct, frozen=True):
    """A tool call, or a piece of it. Its index and id are of another type at some servers."""

    index: msgspec.Raw = msgspec.Raw()
    id: msgspec.Raw = msgspec.Raw()
    function: Function | None = None

    @property
    def place(self) -> int | None:
        """Its place among the calls; None when the server says none that makes sense."""
        try:
            return int(bytes(self.index))
        except ValueError:
            return None


class Said(msgspec.Struct, frozen=True):
    """A message, or what one chunk adds to it.

    `content` is a list of parts at Mistral's reasoning models; `reasoning` is OpenRouter's and
    vLLM's word for what DeepSeek calls `reasoning_content`. Thoughts of another shape are passed
    over: the answer stands without them.
    """

    content: str | list[Any] | None = None
    refusal: str | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    tool_calls: list[ToolCall] | None = None

    def thinking_and_text(self) -> tuple[str, str]:
        """The thoughts, and the text without them."""
        thinking = _thoughts(self.reasoning_content) or _thoughts(self.reasoning)
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
    return "".join(_text(each.get("text") if isinstance(each, dict) else each) for each in value)


def text_in(raw: msgspec.Raw) -> str:
    """What is mostly text, such as an id: a number by its digits, anything else is none."""
    value = bytes(raw)
    if not value.startswith(b'"'):
        return value.decode() if value.isdigit() else ""
    try:
        return msgspec.json.decode(value, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def arguments_text(arguments: Any) -> str:
    """A piece of a call's arguments as text; some servers send an object."""
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    return msgspec.json.encode(arguments).decode()


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

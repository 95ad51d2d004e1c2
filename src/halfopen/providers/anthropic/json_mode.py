"""JSON mode (`response_format` of type json_object), which Anthropic lacks.

A tool with an open schema is forced on the model. Anthropic guarantees that the tool's input is a
JSON object, so the input is the answer. Text before the call is no part of it and is left out.
"""

from collections.abc import Mapping
from typing import Any

from halfopen.model import Capabilities
from halfopen.providers.anthropic.messages import Conversation
from halfopen.providers.anthropic.tools import Toolset
from halfopen.providers.anthropic.translation_error import TranslationError
from halfopen.providers.chat import Chat

TOOL_NAME = "json_answer"
_DESCRIPTION = (
    "Gives your whole answer to the conversation. The input is the answer itself: one JSON object, "
    "with the keys and the shape that the conversation asks for, and with nothing around it."
)


def is_json_mode(chat: Chat) -> bool:
    """Whether the request asks for a JSON object of any shape."""
    raw = chat.fields.get("response_format")
    if raw is None or b"json_object" not in bytes(raw):
        return False
    return wants_json_object(chat.value("response_format"))


def wants_json_object(form: object) -> bool:
    """Whether a `response_format` is JSON mode."""
    return isinstance(form, dict) and form.get("type") == "json_object"


def json_toolset(
    request: Mapping[str, Any], conversation: Conversation, toolset: Toolset, able: Capabilities
) -> Toolset:
    """The toolset with the forced tool in it.

    Args:
        request: The client's request.
        conversation: Its conversation, translated.
        toolset: What its own tools became; only those that were called in the past may be in it.
        able: What the model can do.

    Raises:
        TranslationError: The promise can't be kept beside what else is asked for.
    """
    if request.get("tools") or request.get("functions"):
        raise TranslationError("no JSON-object output together with tools")
    if not able.tools:
        raise TranslationError("no JSON-object output without tools")
    if request.get("stop"):
        raise TranslationError("no JSON-object output with stop sequences, which could cut the object")
    if conversation.prefilled:
        raise TranslationError("an assistant's message at the end with JSON-object output")
    name = TOOL_NAME
    while name in conversation.called:
        name += "_"
    tool = {"name": name, "description": _DESCRIPTION, "input_schema": {"type": "object"}}
    choice = {"type": "tool", "name": name, "disable_parallel_tool_use": True}
    return Toolset((*toolset.tools, tool), choice)

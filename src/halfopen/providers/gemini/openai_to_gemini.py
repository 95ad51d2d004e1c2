"""An OpenAI chat request as the body of Gemini's generateContent.

Every field is translated, or left out because the answer doesn't depend on it, or a reason to skip
the target; nothing is dropped that the answer depends on. A field that nobody here has heard of is
a reason to skip, too, unless it is null. docs/reference/translation-gemini.md has the whole table.
"""

from typing import Any

import msgspec

from halfopen.model import Target
from halfopen.providers.chat import Chat
from halfopen.providers.gemini.contents import Conversation
from halfopen.providers.gemini.generation import generation_of
from halfopen.providers.gemini.generation_config import generation_config
from halfopen.providers.gemini.tools import tool_fields
from halfopen.providers.gemini.untranslatable import UntranslatableError

TRANSLATED = frozenset(
    (
        "frequency_penalty",
        "function_call",
        "functions",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "n",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning_effort",
        "response_format",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_k",
        "top_logprobs",
        "top_p",
    )
)
"""Fields that the body, the path or the answer carries on."""

LEFT_OUT = frozenset(
    (
        "metadata",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
        "verbosity",
    )
)
"""Fields about OpenAI's books, caches and speed, which no answer depends on, and a wish about style."""


def translate(chat: Chat, target: Target) -> dict[str, Any] | str:
    """Return generateContent's body, or why there can't be one, in a few words."""
    try:
        return _body(chat.deep, target)
    except UntranslatableError as problem:
        return f"Gemini can't take: {problem}"
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as problem:
        return f"the request can't be read: {problem}"


def adaptations(chat: Chat) -> tuple[str, ...]:
    """The wishes that Gemini doesn't follow exactly, a short phrase each. Only for a chat that fits."""
    verbosity = chat.fields.get("verbosity")
    plain = verbosity is None or bytes(verbosity) in (b"null", b'"medium"')
    return () if plain else ("verbosity has no effect",)


def _body(deep: dict[str, Any], target: Target) -> dict[str, Any]:
    _check_fields(deep)
    generation = generation_of(target.model)
    messages = deep.get("messages")
    if not isinstance(messages, list) or not messages:
        raise UntranslatableError("a conversation without messages")
    conversation = Conversation(generation)
    for message in messages:
        conversation.add(message)
    body = conversation.finish(prefill=target.capabilities.prefill)
    body |= tool_fields(deep, generation)
    if config := generation_config(deep, generation):
        body["generationConfig"] = config
    return body


def _check_fields(deep: dict[str, Any]) -> None:
    for name, value in deep.items():
        if name in TRANSLATED or name in LEFT_OUT or _means_nothing(name, value):
            continue
        raise UntranslatableError(f"the field {name[:80]}")


def _means_nothing(name: str, value: Any) -> bool:
    """Whether a field that Gemini lacks asks for no more than what happens anyway."""
    if value is None or (name == "logit_bias" and value == {}):
        return True
    return name == "modalities" and bool(value == ["text"])

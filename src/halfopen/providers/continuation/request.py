"""The request by which another target goes on with an answer that was cut.

Rules
1. The delivered text becomes the assistant's last message, or is added to it where the client had
   begun that message itself.
2. A model that continues such a message (`prefill`) gets it so, without white space at its end,
   which Anthropic refuses. Every other model gets an instruction after it.
3. Models that are asked to think, or are forced to call a tool, get the instruction as well:
   Anthropic refuses a beginning together with either.
4. `prefill` means that a plain message of the assistant at the end is continued, as by Claude up to
   4.5, llama.cpp, Ollama and most of OpenRouter. Mistral and DeepSeek want `prefix: true` in the
   message (DeepSeek on another address too), and vLLM `continue_final_message`: a target doesn't say
   which of them it is, so they don't count as having it, and get the instruction.
5. Limits of the answer are lowered by about as much as was delivered. A forced tool call stays
   forced: the client relies on it, and none was delivered, or nothing could go on. The rest of the
   request keeps its bytes.
6. With no text delivered there is nothing to go on with: the request is asked afresh.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from halfopen.model import Target
from halfopen.providers.ask import plain_value
from halfopen.providers.chat import Chat
from halfopen.providers.continuation.instruction import instruction
from halfopen.providers.continuation.spent import tokens_of
from halfopen.providers.fitness import given
from halfopen.providers.number import whole

_LIMITS: Final = ("max_completion_tokens", "max_tokens")
_LEFT_OUT: Final = frozenset(("prediction",))
"""Fields that speak of the whole answer: a predicted output would be compared from its start."""
_TRUE: Final = msgspec.Raw(b"true")
_MESSAGES: Final = msgspec.json.Decoder(list[msgspec.Raw])


def continued(chat: Chat, delivered_text: str, target: Target) -> Chat:
    """Make the request for the next target.

    Args:
        chat: The client's request; nothing stands against going on (`Delivered.obstacle`).
        delivered_text: The text that the client has, exactly.
        target: Who will be asked.

    Returns:
        A request for a stream with token counts, without an origin of another dialect. Its
        `continues` is false where nothing but thoughts or white space was delivered.
    """
    fields = {name: value for name, value in chat.fields.items() if name not in _LEFT_OUT}
    fields["stream"] = _TRUE
    if delivered_text.strip():
        prefill = target.capabilities.prefill and not _needs_instruction(chat)
        messages = _MESSAGES.decode(fields["messages"])
        fields["messages"] = _raw(_with_beginning(messages, delivered_text, trimmed=prefill))
        if not prefill:
            tools = given(chat.fields.get("tools")) or given(chat.fields.get("functions"))
            told = {"role": "user", "content": instruction(tools=tools)}
            fields["messages"] = _raw([*_MESSAGES.decode(fields["messages"]), told])
        fields |= _lowered(fields, tokens_of(len(delivered_text)))
    return replace(
        chat,
        body=msgspec.json.encode(fields),
        stream=True,
        include_usage=True,
        origin=None,
        continues=bool(delivered_text.strip()),
    )


def is_prefilled(chat: Chat) -> bool:
    """Whether a request that `continued` made ends with the beginning of the answer."""
    if not chat.continues:
        return False
    last = plain_value(_MESSAGES.decode(chat.fields["messages"])[-1])
    return bool(_role(last) == "assistant")


def _needs_instruction(chat: Chat) -> bool:
    """Whether a beginning of the answer would be refused together with the rest of the request."""
    effort = chat.fields.get("reasoning_effort")
    if given(effort) and effort != msgspec.Raw(b'"none"'):
        return True
    thinking = chat.value("thinking")
    if isinstance(thinking, dict) and thinking.get("type") not in (None, "disabled"):
        return True
    return any(_forces(chat.value(name)) for name in ("tool_choice", "function_call"))


def _forces(choice: Any) -> bool:
    return isinstance(choice, dict) or choice in ("required", "any")


def _with_beginning(messages: list[msgspec.Raw], text: str, *, trimmed: bool) -> list[Any]:
    """The conversation with the delivered text as the end of the assistant's last message."""
    text = text.rstrip() if trimmed else text
    last = plain_value(messages[-1])
    if _role(last) == "assistant" and not any(last.get(name) for name in _WHOLE):
        content = last.get("content")
        if isinstance(content, str):
            return [*messages[:-1], last | {"content": content + text}]
        if content is None:
            return [*messages[:-1], last | {"content": text}]
        if isinstance(content, list):
            return [*messages[:-1], last | {"content": _parts_with(content, text)}]
    return [*messages, {"role": "assistant", "content": text}]


_WHOLE: Final = ("tool_calls", "function_call", "refusal", "audio")
"""What ends a message of the assistant: text does not go on behind it."""


def _parts_with(parts: list[Any], text: str) -> list[Any]:
    """The parts with a text at the end of the last, if that is text."""
    last = parts[-1] if parts else None
    if isinstance(last, dict) and last.get("type") == "text" and isinstance(last.get("text"), str):
        return [*parts[:-1], last | {"text": last["text"] + text}]
    return [*parts, {"type": "text", "text": text}]


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, dict) else None


def _lowered(fields: Mapping[str, msgspec.Raw], spent_tokens: int) -> dict[str, msgspec.Raw]:
    """The limits of the answer, less what was spent of them; one token is left at least."""
    least = 1
    thinking = plain_value(fields["thinking"]) if "thinking" in fields else None
    budget = whole(thinking.get("budget_tokens")) if isinstance(thinking, dict) else None
    if type(budget) is int and budget > 0:
        least = budget + 1  # Anthropic refuses a limit that is not above the budget
    lowered = {}
    for name in _LIMITS:
        limit = whole(plain_value(fields[name])) if name in fields else None
        if type(limit) is int and limit > least:
            lowered[name] = _raw(max(least, limit - spent_tokens))
    return lowered


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))

"""A whole chat completion as the answer to a completion request: OpenAI's `text_completion`."""

from collections.abc import Mapping
from typing import Any

import msgspec

from halfopen.providers.ask import plain_value
from halfopen.providers.chat import Chat
from halfopen.providers.contract import Answer

_REASONS: Mapping[str, str] = {
    "tool_calls": "stop",
    "function_call": "stop",
    "model_length": "length",
}
"""Reasons that completions don't have. Any other passes as it is."""


def chat_to_completions(chat: Chat, answer: Answer) -> bytes:  # noqa: ARG001 - the signature of Render
    """Make the body of the answer. What a completion has no place for (reasoning) is left out."""
    completion = plain_value(answer.body)
    body: dict[str, Any] = {
        "id": completion_id(completion.get("id")),
        "object": "text_completion",
        "created": completion.get("created", 0),
        "model": completion.get("model", ""),
        "choices": [
            {
                "text": text_of(choice.get("message")),
                "index": choice.get("index", number),
                "logprobs": None,
                "finish_reason": reason_of(choice.get("finish_reason")),
            }
            for number, choice in enumerate(completion.get("choices") or ())
        ],
    }
    for name in ("system_fingerprint", "usage"):
        if completion.get(name) is not None:
            body[name] = completion[name]
    return msgspec.json.encode(body)


def completion_id(identity: Any) -> str:
    """The id of a chat completion with the beginning that completions have."""
    return "cmpl-" + (identity.removeprefix("chatcmpl-") if isinstance(identity, str) else "")


def reason_of(reason: Any) -> Any:
    """A finish reason in the words of completions."""
    return _REASONS.get(reason, reason) if isinstance(reason, str) else None


def text_of(message: Any) -> str:
    """The text of a message or delta: its content, or its refusal."""
    if not isinstance(message, dict):
        return ""
    content = message.get("content")
    if isinstance(content, list):  # some servers give parts, thoughts among them
        parts = (part.get("text") for part in content if isinstance(part, dict))
        content = "".join(part for part in parts if isinstance(part, str))
    refusal = message.get("refusal")
    return (content if isinstance(content, str) else "") + (refusal if isinstance(refusal, str) else "")

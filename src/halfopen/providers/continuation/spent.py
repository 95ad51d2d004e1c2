"""Token counts over all attempts at one answer."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from halfopen.model import Usage
from halfopen.providers.chat import Chat

CHARS_PER_TOKEN: Final = 4
"""What an English token has on average; other languages have fewer, so an estimate is rather low."""
_MESSAGE_TOKENS: Final = 4
"""What a message costs beside its text: its role and its delimiters."""
_MEDIUM_TOKENS: Final = 800
"""What an image, a sound or a file costs, for want of a better guess: its bytes tell nothing."""

_KEYS: Mapping[str, tuple[str, str | None]] = MappingProxyType(
    {
        "input_tokens": ("prompt_tokens", None),
        "output_tokens": ("completion_tokens", None),
        "cached_tokens": ("prompt_tokens_details", "cached_tokens"),
        "reasoning_tokens": ("completion_tokens_details", "reasoning_tokens"),
    }
)


def tokens_of(chars: int) -> int:
    """About how many tokens some text has; at least one, if it has any."""
    return -(-chars // CHARS_PER_TOKEN)


def estimated(chat: Chat, chars: int) -> Usage:
    """What an attempt spent that was cut before it told: a guess from the characters.

    Args:
        chat: The request.
        chars: How many characters came of the answer.
    """
    tokens = 0
    messages = chat.value("messages")
    for message in messages if isinstance(messages, list) else ():
        tokens += _MESSAGE_TOKENS + _message_tokens(message)
    for name in ("tools", "functions"):
        tokens += tokens_of(len(chat.fields.get(name, b"")))
    return Usage(input_tokens=tokens, output_tokens=tokens_of(chars), estimated=True)


def _message_tokens(message: Any) -> int:
    if not isinstance(message, dict):
        return 0
    content = message.get("content")
    tokens = 0
    for part in content if isinstance(content, list) else (content,):
        words = part.get("text") if isinstance(part, dict) else part
        if isinstance(words, str):
            tokens += tokens_of(len(words))
        elif isinstance(part, dict):
            tokens += _MEDIUM_TOKENS
    calls = message.get("tool_calls")
    return tokens + (tokens_of(len(msgspec.json.encode(calls))) if calls else 0)


def summed(spent: Usage | None, usage: Usage) -> Usage:
    """The counts of the attempts before and of the last one together."""
    return usage if spent is None else spent + usage


def summed_json(spent: Usage | None, told: Any) -> Any:
    """The counts that a chunk tells, with those of the attempts before added; the rest as it is.

    Args:
        spent: What the attempts before spent.
        told: The chunk's `usage`, decoded.
    """
    if spent is None or not isinstance(told, dict):
        return told
    result = dict(told)
    for name, (key, inner) in _KEYS.items():
        more = getattr(spent, name)
        if inner is None:
            result[key] = _count(result.get(key)) + more
        elif more:
            details = result.get(key)
            details = dict(details) if isinstance(details, dict) else {}
            details[inner] = _count(details.get(inner)) + more
            result[key] = details
    result["total_tokens"] = result["prompt_tokens"] + result["completion_tokens"]
    return result


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0

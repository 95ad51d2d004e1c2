"""When an answer without content is an answer all the same."""

import unicodedata
from typing import Any

from halfopen.providers.chat import Chat

_NO_END = frozenset(",\u060c\u3001\uff0c")
"""Commas."""
_MARKS = frozenset("`*_|~>")
"""What ends a code block, emphasis or a table."""


def may_be_empty(chat: Chat) -> bool:
    """Whether a model may finish normally without a word.

    It may when a stop sequence can end the answer before it begins, after the result of a tool,
    when it has nothing to add, and after a beginning that reads as the whole. In all other
    cases an empty answer is a failure. Decodes the whole request, so it is asked only when an answer
    is empty.
    """
    request = chat.deep
    messages: Any = request.get("messages")
    messages = messages if isinstance(messages, list) else []
    if chat.continues:
        return _reads_complete(messages)
    if request.get("stop"):
        return True
    last = messages[-1] if messages else None
    return isinstance(last, dict) and last.get("role") in ("tool", "function")


def _reads_complete(messages: list[Any]) -> bool:
    """Whether the beginning that is gone on with ends as texts do.

    A model that adds nothing to any other beginning has failed, whatever it says.
    """
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "assistant":
            content = message.get("content")
            return isinstance(content, str) and _ends(content.rstrip()[-1:])
    return False


def _ends(character: str) -> bool:
    """Whether a text may end so: the end of a sentence, a closing bracket or quotation mark."""
    if not character or character in _NO_END:
        return False
    return character in _MARKS or unicodedata.category(character) in ("Po", "Pe", "Pf")

"""When an answer without content is an answer all the same."""

import unicodedata
from typing import Any

from halfopen.providers.chat import Chat

_NO_END = frozenset(",:;/\\&@#%\xa1\xa7\xbf\u060c\u061b\u2022\u3001\uff0c\uff1a\uff1b")
"""Commas, colons, semicolons and signs after which more comes."""
_MARKS = frozenset("`*_|~>")
"""What ends a code block, emphasis or a table."""
_PAIRED = frozenset("`*_~>\"'")
"""What opens as well as it closes, or begins a line: behind white space it has just opened."""
_FENCE = "```"
_ENDS = frozenset(("Po", "Pe", "Pf", "So"))
"""Kinds of characters: sentence ends and the like, closing brackets and quotation marks, emoji."""


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
            if isinstance(content, list) and content and isinstance(content[-1], dict):
                content = content[-1].get("text")  # a client's own beginning, in parts
            return isinstance(content, str) and _ends(content.rstrip())
    return False


def _ends(text: str) -> bool:
    """Whether a text may end so: a sentence, a closing bracket or quotation mark, an emoji."""
    last = text[-1:]
    if not last or last in _NO_END or text.count(_FENCE) % 2:
        return False
    before = text.rstrip(last)[-1:]
    if last in _PAIRED and (not before or before.isspace()):
        return text.endswith(_FENCE)
    return last in _MARKS or unicodedata.category(last) in _ENDS

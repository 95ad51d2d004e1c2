"""When an answer without content is an answer all the same."""

from typing import Any

from halfopen.providers.chat import Chat


def may_be_empty(chat: Chat) -> bool:
    """Whether a model may finish normally without a word.

    It may when a stop sequence can end the answer before it begins, after the result of a tool,
    when it has nothing to add, and after a beginning that turns out to be the whole. In all other
    cases an empty answer is a failure. Decodes the whole request, so it is asked only when an answer
    is empty.
    """
    if chat.continues:
        return True
    request = chat.deep
    if request.get("stop"):
        return True
    messages: Any = request.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    return isinstance(last, dict) and last.get("role") in ("tool", "function")

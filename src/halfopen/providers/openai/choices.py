"""How many choices a request asks for."""

from halfopen.providers.ask import plain_value
from halfopen.providers.chat import Chat


def choices_asked(chat: Chat) -> int:
    """The request's `n`; 1 when there is none, or none that makes sense."""
    raw = chat.marked.get("n")
    if raw is None:
        return 1
    n = plain_value(raw)
    return n if isinstance(n, int) and n > 1 else 1

"""How many choices a request asks for."""

from halfopen.providers.chat import Chat


def choices_asked(chat: Chat) -> int:
    """The request's `n`; 1 when there is none, or none that makes sense."""
    n = chat.value("n")
    return n if isinstance(n, int) and n > 1 else 1

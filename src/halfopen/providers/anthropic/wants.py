"""What an answer must look like, read from the request."""

from dataclasses import dataclass

from halfopen.providers.anthropic.json_mode import is_json_mode
from halfopen.providers.chat import Chat
from halfopen.providers.emptiness import may_be_empty


@dataclass(frozen=True, slots=True)
class Wants:
    """What the client asked for, as far as the answer depends on it."""

    chat: Chat
    include_usage: bool = False
    """Whether the client asked for a usage chunk."""
    legacy: bool = False
    """Whether it asked with `functions`, the form before `tools`."""
    json_mode: bool = False
    """Whether it asked for a JSON object, so that a forced tool call is the answer."""

    def may_be_empty(self) -> bool:
        """Whether the model may finish without a word."""
        return may_be_empty(self.chat)


def wants_of(chat: Chat) -> Wants:
    """Read what an answer to a chat must look like."""
    return Wants(chat, chat.include_usage, bool(chat.value("functions")), is_json_mode(chat))

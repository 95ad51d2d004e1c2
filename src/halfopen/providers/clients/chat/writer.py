"""Writes a streamed answer for clients of chat completions."""

from halfopen.providers.client import Failure
from halfopen.providers.clients.chat.error import openai_error_json
from halfopen.providers.contract import StreamEvent


class ChatWriter:
    """Passes chunks as they are."""

    __slots__ = ()

    content_type = "text/event-stream; charset=utf-8"

    def write(self, event: StreamEvent) -> bytes:
        """The chunks of one event."""
        return event.data

    def finish(self) -> bytes:
        """The proper end."""
        return b"data: [DONE]\n\n"

    def error(self, failure: Failure) -> bytes:
        """An error event, and no `[DONE]`."""
        return b"data: " + openai_error_json(failure) + b"\n\n"

    def ping(self) -> bytes:
        """A comment; it carries nothing."""
        return b": keep-alive\n\n"

    def comment(self, text: str) -> bytes:
        """A remark that clients pass over."""
        return b": " + text.encode("ascii", "replace") + b"\n\n"

"""Clients of OpenAI's chat completions."""

from dataclasses import dataclass

from halfopen.model import Fault, Target
from halfopen.providers.chat import Chat
from halfopen.providers.chat_request import parse_chat
from halfopen.providers.client import ClientRequest, Failure
from halfopen.providers.clients.chat.error import openai_error_json
from halfopen.providers.contract import Dialect, StreamEvent, Translation


@dataclass(frozen=True, slots=True)
class ChatClients:
    """Every provider's own dialect already serves them: see the folders of the providers."""

    name: str = "chat"
    request_id_header: str = "x-request-id"

    def parse(self, request: ClientRequest) -> Chat | Fault:
        """Read a request, or say what is wrong with it."""
        return parse_chat(request.body)

    def translation(self, dialect: Dialect, target: Target) -> Translation:  # noqa: ARG002 - the contract
        """The provider's own dialect."""
        return dialect

    def writer(self, ask: Chat, *, request_id: str, created_s: int) -> "ChatWriter":  # noqa: ARG002 - the contract
        """A writer for one streamed answer."""
        return ChatWriter()

    def error(self, failure: Failure) -> bytes:
        """The JSON body of an error answer."""
        return openai_error_json(failure)


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


CHAT = ChatClients()

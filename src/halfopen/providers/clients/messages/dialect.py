"""Clients of Anthropic's Messages API."""

from dataclasses import dataclass

from halfopen.model import Fault, Target
from halfopen.providers.chat import Chat
from halfopen.providers.client import ClientRequest, Failure
from halfopen.providers.clients.messages.chat_to_messages_stream import MessagesWriter
from halfopen.providers.clients.messages.error import messages_error_json
from halfopen.providers.clients.messages.messages_to_anthropic import MessagesToAnthropic
from halfopen.providers.clients.messages.messages_to_gemini import messages_to_gemini
from halfopen.providers.clients.messages.messages_to_openai import messages_to_openai
from halfopen.providers.clients.messages.request import parse_messages
from halfopen.providers.contract import Dialect, Translation


@dataclass(frozen=True, slots=True)
class MessagesClients:
    """Implements `ClientDialect`."""

    name: str = "messages"
    request_id_header: str = "request-id"

    def parse(self, request: ClientRequest) -> Chat | Fault:
        """Read a request, or say what is wrong with it."""
        return parse_messages(request)

    def translation(self, dialect: Dialect, target: Target) -> Translation:
        """How a target serves these clients: by its own Messages API where it has one."""
        if dialect.name == "anthropic" and dialect.speaks(self.name, target):
            return MessagesToAnthropic(dialect)
        return messages_to_gemini(dialect) if dialect.name == "gemini" else messages_to_openai(dialect)

    def writer(self, ask: Chat, *, request_id: str, created_s: int) -> MessagesWriter:  # noqa: ARG002 - messages bear no time
        """A writer for one streamed answer."""
        return MessagesWriter(ask, request_id)

    def error(self, failure: Failure) -> bytes:
        """The JSON body of an error answer."""
        return messages_error_json(failure)


MESSAGES = MessagesClients()

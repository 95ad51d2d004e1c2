"""Clients of OpenAI's chat completions."""

from dataclasses import dataclass

from halfopen.model import Fault, Target
from halfopen.providers.chat import Chat
from halfopen.providers.chat_request import parse_chat
from halfopen.providers.client import ClientRequest, Failure
from halfopen.providers.clients.chat.error import openai_error_json
from halfopen.providers.clients.chat.writer import ChatWriter
from halfopen.providers.contract import Dialect, Translation


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

    def writer(self, ask: Chat, *, request_id: str, created_s: int) -> ChatWriter:  # noqa: ARG002 - the contract
        """A writer for one streamed answer."""
        return ChatWriter()

    def error(self, failure: Failure) -> bytes:
        """The JSON body of an error answer."""
        return openai_error_json(failure)


CHAT = ChatClients()

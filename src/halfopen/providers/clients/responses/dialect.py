"""Clients of OpenAI's Responses API."""

from dataclasses import dataclass

from halfopen.model import Fault, Target
from halfopen.providers.chat import Chat
from halfopen.providers.client import ClientRequest, Failure
from halfopen.providers.clients.responses.chat_to_responses_stream import ResponsesWriter
from halfopen.providers.clients.responses.error import error_json
from halfopen.providers.clients.responses.request import read_request
from halfopen.providers.clients.responses.responses_to_anthropic import responses_to_anthropic
from halfopen.providers.clients.responses.responses_to_chat import to_chat
from halfopen.providers.clients.responses.responses_to_gemini import responses_to_gemini
from halfopen.providers.clients.responses.responses_to_openai import responses_to_openai
from halfopen.providers.contract import Dialect, Translation


@dataclass(frozen=True, slots=True)
class ResponsesClients:
    """Reads requests of the Responses API and writes its answers. Implements `ClientDialect`."""

    name: str = "responses"
    request_id_header: str = "x-request-id"

    def parse(self, request: ClientRequest) -> Chat | Fault:
        """Read a request, or say what is wrong with it."""
        ask = read_request(request)
        return ask if isinstance(ask, Fault) else to_chat(ask)

    def translation(self, dialect: Dialect, target: Target) -> Translation:
        """How a target of a provider's dialect serves these clients."""
        if dialect.name == "anthropic":
            return responses_to_anthropic(dialect)
        if dialect.name == "gemini":
            return responses_to_gemini(dialect)
        return responses_to_openai(dialect, target)

    def writer(self, ask: Chat, *, request_id: str, created_s: int) -> ResponsesWriter:
        """A writer for one streamed answer."""
        return ResponsesWriter(ask, request_id=request_id, created_s=created_s)

    def error(self, failure: Failure) -> bytes:
        """The JSON body of an error answer."""
        return error_json(failure)


RESPONSES = ResponsesClients()

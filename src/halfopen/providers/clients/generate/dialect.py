"""Clients of Google's generateContent and streamGenerateContent."""

from dataclasses import dataclass

from halfopen.model import Fault, Target
from halfopen.providers.chat import Chat
from halfopen.providers.client import ClientRequest, Failure
from halfopen.providers.clients.generate.chat_to_generate_stream import GenerateWriter
from halfopen.providers.clients.generate.error import generate_error_json
from halfopen.providers.clients.generate.generate_to_anthropic import generate_to_anthropic
from halfopen.providers.clients.generate.generate_to_gemini import GenerateToGemini
from halfopen.providers.clients.generate.generate_to_openai import GenerateToOpenAI
from halfopen.providers.clients.generate.request import parse
from halfopen.providers.contract import Dialect, Translation


@dataclass(frozen=True, slots=True)
class GenerateClients:
    """Serves Google's clients by any provider. Implements `ClientDialect`."""

    name: str = "generate"
    request_id_header: str = "x-request-id"

    def parse(self, request: ClientRequest) -> Chat | Fault:
        """Read a request, or say what is wrong with it."""
        return parse(request)

    def translation(self, dialect: Dialect, target: Target) -> Translation:
        """How a target of a provider's dialect serves these clients."""
        if dialect.speaks(self.name, target):
            return GenerateToGemini(dialect)
        if dialect.name == "anthropic":
            return generate_to_anthropic(dialect)
        return GenerateToOpenAI(dialect)

    def writer(self, ask: Chat, *, request_id: str, created_s: int) -> GenerateWriter:  # noqa: ARG002 - no times
        """A writer for one streamed answer."""
        return GenerateWriter(ask, request_id=request_id)

    def error(self, failure: Failure) -> bytes:
        """The JSON body of an error answer."""
        return generate_error_json(failure)


GENERATE = GenerateClients()

"""Clients of OpenAI's embeddings."""

from dataclasses import dataclass

from halfopen.model import Fault, Target
from halfopen.providers.client import ClientRequest, Failure
from halfopen.providers.clients.chat.error import openai_error_json
from halfopen.providers.clients.embeddings.embeddings_to_anthropic import EmbeddingsToAnthropic
from halfopen.providers.clients.embeddings.embeddings_to_gemini import EmbeddingsToGemini
from halfopen.providers.clients.embeddings.embeddings_to_openai import EmbeddingsToOpenAI
from halfopen.providers.clients.embeddings.request import Embedding, parse_embedding
from halfopen.providers.clients.no_stream import NoStreamClients
from halfopen.providers.contract import Dialect, Translation


@dataclass(frozen=True, slots=True)
class EmbeddingsClients(NoStreamClients):
    """Reads requests for embeddings. Their answers are never streams."""

    name: str = "embeddings"
    request_id_header: str = "x-request-id"

    def parse(self, request: ClientRequest) -> Embedding | Fault:
        """Read a request, or say what is wrong with it."""
        return parse_embedding(request.body)

    def translation(self, dialect: Dialect, target: Target) -> Translation:  # noqa: ARG002 - the contract
        """How a target of a provider's dialect makes embeddings."""
        match dialect.name:
            case "anthropic":
                return EmbeddingsToAnthropic()
            case "gemini":
                return EmbeddingsToGemini()
            case _:
                return EmbeddingsToOpenAI(dialect)

    def error(self, failure: Failure) -> bytes:
        """The JSON body of an error answer."""
        return openai_error_json(failure)


EMBEDDINGS = EmbeddingsClients()

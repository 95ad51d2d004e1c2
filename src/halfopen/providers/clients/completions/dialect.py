"""Clients of OpenAI's legacy completions."""

from dataclasses import dataclass

from halfopen.model import Fault, Target
from halfopen.providers.chat import Chat
from halfopen.providers.client import ClientRequest, Failure
from halfopen.providers.clients.chat.error import openai_error_json
from halfopen.providers.clients.completions.chat_to_completions_stream import CompletionsWriter
from halfopen.providers.clients.completions.completions_to_anthropic import completions_to_anthropic
from halfopen.providers.clients.completions.completions_to_chat import completions_to_chat
from halfopen.providers.clients.completions.completions_to_gemini import completions_to_gemini
from halfopen.providers.clients.completions.completions_to_openai import completions_to_openai
from halfopen.providers.clients.completions.request import Completion, parse_completion
from halfopen.providers.contract import Dialect, Translation


@dataclass(frozen=True, slots=True)
class CompletionsClients:
    """Reads and writes completions."""

    name: str = "completions"
    request_id_header: str = "x-request-id"

    def parse(self, request: ClientRequest) -> Chat | Fault:
        """Read a request as a chat, with the request itself as its origin, or say what is wrong with it."""
        parsed = parse_completion(request.body)
        return parsed if isinstance(parsed, Fault) else completions_to_chat(parsed)

    def translation(self, dialect: Dialect, target: Target) -> Translation:
        """How a target of a provider's dialect serves completions."""
        match dialect.name:
            case "anthropic":
                return completions_to_anthropic(dialect)
            case "gemini":
                return completions_to_gemini(dialect)
            case _:
                return completions_to_openai(dialect, target)

    def writer(self, ask: Chat, *, request_id: str, created_s: int) -> CompletionsWriter:
        """A writer for the answer to a streamed request."""
        origin = ask.origin
        usage_asked = isinstance(origin, Completion) and origin.include_usage
        return CompletionsWriter(
            usage_asked=usage_asked, model=ask.model, request_id=request_id, created_s=created_s
        )

    def error(self, failure: Failure) -> bytes:
        """The JSON body of an error answer."""
        return openai_error_json(failure)


COMPLETIONS = CompletionsClients()

"""The Gemini dialect: addresses, headers, and the two translations behind one object."""

from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from halfopen.model import Fault, Reply, Target
from halfopen.providers import fitness
from halfopen.providers.chat import Chat
from halfopen.providers.contract import Answer, Call, StreamReader
from halfopen.providers.gemini.gemini_to_openai import translate_answer
from halfopen.providers.gemini.gemini_to_openai_stream import GeminiReader
from halfopen.providers.gemini.openai_to_gemini import adaptations, translate

_COLLECTIONS = ("models", "tunedModels")


@dataclass(frozen=True, slots=True)
class GeminiDialect:
    """Speaks generateContent for an OpenAI chat client."""

    name: str = "gemini"
    default_base_url: str = "https://generativelanguage.googleapis.com"

    def speaks(self, client: str, target: Target) -> bool:  # noqa: ARG002 - the contract
        """Whether a client's dialect passes as it is."""
        return client == "generate"

    def unfit(self, chat: Chat, target: Target) -> str | None:
        """Why the target can't do what the request asks for, in a few words; None: it can."""
        reason = fitness.unfit(chat, target.capabilities)
        if reason is not None:
            return reason
        translated = translate(chat, target)
        return translated if isinstance(translated, str) else None

    def adapted(self, chat: Chat, target: Target) -> tuple[str, ...]:  # noqa: ARG002 - the contract's signature
        """What the target will not follow exactly although it answers."""
        return adaptations(chat)

    def call(self, chat: Chat, target: Target, key: str | None) -> Call:
        """The upstream's request.

        Raises:
            ValueError: `unfit` would have said why there is none.
        """
        body = translate(chat, target)
        if isinstance(body, str):
            raise ValueError(body)  # noqa: TRY004 - the value of the request, not a type, is wrong
        headers = request_headers(key, stream=chat.stream)
        return Call(request_path(target.model, stream=chat.stream), headers, msgspec.json.encode(body))

    def answer(self, chat: Chat, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:
        """Judge and translate a whole 2xx reply to a request that was not streamed."""
        return translate_answer(chat, target, reply, created_s=created_s)

    def reader(self, chat: Chat, target: Target, *, created_s: int = 0) -> StreamReader:
        """A reader for the body of a 2xx reply with content type text/event-stream."""
        return GeminiReader(chat, target, created_s=created_s)


def request_headers(key: str | None, *, stream: bool) -> tuple[tuple[str, str], ...]:
    """The headers of a request; without a key, no authorization."""
    accept = "text/event-stream" if stream else "application/json"
    headers = (("content-type", "application/json"), ("accept", accept))
    return (*headers, ("x-goog-api-key", key)) if key else headers


def request_path(model: str, *, stream: bool) -> str:
    """The path and query of a request. Whatever the model's name holds, it stays one segment."""
    return method_path(model, "streamGenerateContent?alt=sse" if stream else "generateContent")


def method_path(model: str, method: str) -> str:
    """The path of what is asked of a model: `countTokens`, `embedContent`."""
    return f"/v1beta/{_resource(model)}:{method}"


def _resource(model: str) -> str:
    collection, slash, name = model.partition("/")
    if not slash or collection not in _COLLECTIONS:
        collection, name = "models", model
    return f"{collection}/{quote(name, safe='')}"


GEMINI = GeminiDialect()

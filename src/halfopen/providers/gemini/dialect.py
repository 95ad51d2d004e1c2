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
        method = "streamGenerateContent?alt=sse" if chat.stream else "generateContent"
        headers = [
            ("content-type", "application/json"),
            ("accept", "text/event-stream" if chat.stream else "application/json"),
        ]
        if key:
            headers.append(("x-goog-api-key", key))
        return Call(f"/v1beta/{_resource(target.model)}:{method}", tuple(headers), msgspec.json.encode(body))

    def answer(self, chat: Chat, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:
        """Judge and translate a whole 2xx reply to a request that was not streamed."""
        return translate_answer(chat, target, reply, created_s=created_s)

    def reader(self, chat: Chat, target: Target, *, created_s: int = 0) -> StreamReader:
        """A reader for the body of a 2xx reply with content type text/event-stream."""
        return GeminiReader(chat, target, created_s=created_s)


def _resource(model: str) -> str:
    """The path of a model. Whatever the name holds, it stays one segment."""
    collection, slash, name = model.partition("/")
    if not slash or collection not in _COLLECTIONS:
        collection, name = "models", model
    return f"{collection}/{quote(name, safe='')}"


GEMINI = GeminiDialect()

"""Anthropic's Messages API behind OpenAI's chat completions.

One translation a file, named `from_to`; docs/reference/translation-anthropic.md lists what happens
to every field.
"""

from dataclasses import dataclass

import msgspec

from halfopen.model import Fault, Reply, Target
from halfopen.providers import fitness
from halfopen.providers.anthropic.adaptations import adaptations
from halfopen.providers.anthropic.anthropic_to_openai import translate_answer
from halfopen.providers.anthropic.anthropic_to_openai_stream import AnthropicReader
from halfopen.providers.anthropic.openai_to_anthropic import translate
from halfopen.providers.anthropic.translation_error import TranslationError
from halfopen.providers.anthropic.wants import wants_of
from halfopen.providers.chat import Chat
from halfopen.providers.contract import Answer, Call, StreamReader

API_VERSION = "2023-06-01"
"""The version of the Messages API, which every call names."""


@dataclass(frozen=True, slots=True)
class AnthropicDialect:
    """Talks to Anthropic, or to a server that speaks its Messages API."""

    name: str = "anthropic"
    default_base_url: str = "https://api.anthropic.com"

    def speaks(self, client: str, target: Target) -> bool:  # noqa: ARG002 - the contract
        """Whether a client's dialect passes as it is."""
        return client == "messages"

    def unfit(self, chat: Chat, target: Target) -> str | None:
        """Why the target can't do what the request asks for, in a few words; None: it can."""
        reason = fitness.unfit(chat, target.capabilities, adapted=("reasoning_effort",))
        if reason is not None:
            return reason
        try:
            translate(chat, target)
        except TranslationError as problem:
            return str(problem)
        return None

    def adapted(self, chat: Chat, target: Target) -> tuple[str, ...]:
        """What the target will not follow exactly although it answers."""
        return adaptations(chat, target)

    def call(self, chat: Chat, target: Target, key: str | None) -> Call:
        """The upstream's request. Only for a chat that `unfit` passed."""
        headers = [
            ("content-type", "application/json"),
            ("accept", "text/event-stream" if chat.stream else "application/json"),
            ("anthropic-version", API_VERSION),
        ]
        if key is not None:
            headers.append(("x-api-key", key))
        return Call("/v1/messages", tuple(headers), msgspec.json.encode(translate(chat, target)))

    def answer(
        self,
        chat: Chat,
        target: Target,
        reply: Reply,
        *,
        created_s: int = 0,
    ) -> Answer | Fault:
        """Judge and translate a whole 2xx reply to a request that was not streamed."""
        return translate_answer(wants_of(chat), reply, model=target.model, created_s=created_s)

    def reader(self, chat: Chat, target: Target, *, created_s: int = 0) -> StreamReader:
        """A reader for the body of a 2xx reply with content type text/event-stream."""
        return AnthropicReader(wants_of(chat), model=target.model, created_s=created_s)


ANTHROPIC = AnthropicDialect()


__all__ = ["ANTHROPIC", "API_VERSION", "AnthropicDialect"]

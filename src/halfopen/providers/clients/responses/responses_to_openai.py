"""Responses served by OpenAI and the servers of its dialect.

Where the target speaks the Responses API itself, the request passes with only the model's name
changed, and its answer byte for byte: OpenAI's own tools and what it has stored work there. Else the
request goes through a chat completion, as does what goes on with a cut answer.

Two things are left out of a request that passes: what refers to items that OpenAI has not stored, as
it would refuse it (`unstored_items`); and, when the model is not the one that the client named, fields
that the model refuses by name although they ask for nothing.
"""

from dataclasses import dataclass

import msgspec

from halfopen.model import Fault, Reply, Target
from halfopen.providers import fitness
from halfopen.providers.ask import Ask, plain_value
from halfopen.providers.chat import Chat
from halfopen.providers.clients.composed import Composed
from halfopen.providers.clients.openai_call import key_headers
from halfopen.providers.clients.responses.chat_to_responses import chat_to_responses
from halfopen.providers.clients.responses.native_answer import judge
from halfopen.providers.clients.responses.native_stream import ResponsesReader
from halfopen.providers.clients.responses.unstored_items import without_unstored
from halfopen.providers.contract import Answer, Call, Dialect, StreamReader, Translation
from halfopen.providers.openai.dialect import encode_fields, stand_in_fields, unfit_single_calls

_ENCRYPTED = "reasoning.encrypted_content"


def responses_to_openai(dialect: Dialect, target: Target) -> Translation:
    """How a target of OpenAI's dialect serves responses."""
    through_chat = Composed(dialect, chat_to_responses)
    return Native(dialect, through_chat) if dialect.speaks("responses", target) else through_chat


@dataclass(frozen=True, slots=True)
class Native:
    """A `Translation` between equals."""

    dialect: Dialect
    through_chat: Composed

    def unfit(self, chat: Chat, target: Target) -> str | None:
        """Why the target can't do what the request asks for, in a few words; None: it can."""
        if _request(chat) is None:
            return self.through_chat.unfit(chat, target)
        return fitness.unfit(chat, target.capabilities) or unfit_single_calls(chat, target.model)

    def adapted(self, chat: Chat, target: Target) -> tuple[str, ...]:
        """Nothing, when the request passes as it is."""
        return () if _request(chat) is not None else self.through_chat.adapted(chat, target)

    def call(self, chat: Chat, target: Target, key: str | None) -> Call:
        """The upstream's request."""
        ask = _request(chat)
        if ask is None:
            return self.through_chat.call(chat, target, key)
        fields = without_unstored(ask.fields)
        if target.model != ask.model:
            fields = _stand_in(fields, target)
        same = fields is ask.fields and target.model == ask.model
        body = ask.body if same else encode_fields(fields, target.model)
        return Call("/responses", self._headers(ask, key), body)

    def answer(self, chat: Chat, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:
        """Judge a whole reply. A good one passes byte for byte."""
        ask = _request(chat)
        if ask is None:
            return self.through_chat.answer(chat, target, reply, created_s=created_s)
        return judge(chat, ask, reply)

    def reader(self, chat: Chat, target: Target, *, created_s: int = 0) -> StreamReader:
        """A reader of one streamed reply. Its bytes pass."""
        if _request(chat) is None:
            return self.through_chat.reader(chat, target, created_s=created_s)
        return ResponsesReader(chat, model=target.model, created_s=created_s)

    def _headers(self, ask: Ask, key: str | None) -> tuple[tuple[str, str], ...]:
        accept = "text/event-stream" if ask.stream else "application/json"
        head = (("content-type", "application/json"), ("accept", accept))
        return (*head, *ask.headers, *key_headers(self.dialect, key))


def _request(chat: Chat) -> Ask | None:
    """What the client asked, word for word; None: the chat goes on with an answer, or is no translation."""
    return None if chat.continues else chat.origin


def _stand_in(fields: dict[str, msgspec.Raw], target: Target) -> dict[str, msgspec.Raw]:
    """The fields without those that a model refuses by name; `unfit` has seen to what they ask for."""
    fields = stand_in_fields(fields, target)
    if target.capabilities.reasoning:
        return fields
    kept = {name: value for name, value in fields.items() if name != "reasoning"}
    include = plain_value(kept["include"]) if "include" in kept else None
    if isinstance(include, list) and _ENCRYPTED in include:
        wanted = [each for each in include if each != _ENCRYPTED]
        kept["include"] = msgspec.Raw(msgspec.json.encode(wanted))
    return kept

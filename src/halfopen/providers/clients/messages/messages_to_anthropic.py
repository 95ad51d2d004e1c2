"""Messages on Anthropic: the request and the answer pass as they are.

Only the model's name changes, thoughts that Anthropic did not sign leave the conversation, and
another model than the client's is asked for thinking in the form that it knows. The answer is judged
as for a chat. A chat that isn't the client's request any more, because it continues
an answer that was cut, goes out as a chat.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import structs

from halfopen.model import Fault, Reply, Target
from halfopen.providers import fitness
from halfopen.providers.anthropic import API_VERSION
from halfopen.providers.ask import Ask
from halfopen.providers.chat import Chat
from halfopen.providers.clients.messages.context_edits import without_thought_edits
from halfopen.providers.clients.messages.fitting import Fitted, spared_thinking
from halfopen.providers.clients.messages.model_thinking import thinking_fitted
from halfopen.providers.clients.messages.unsigned import asks_for_thinking, signed_fields
from halfopen.providers.clients.native import NativeReader
from halfopen.providers.contract import Answer, Call, Dialect, StreamReader

PATH = "/v1/messages"


@dataclass(frozen=True, slots=True)
class MessagesToAnthropic:
    """A `Translation` for targets that speak the client's own dialect."""

    dialect: Dialect

    def unfit(self, chat: Chat, target: Target) -> str | None:
        """Why the target can't do what the request asks for, in a few words; None: it can."""
        if _request_of(chat) is None:
            return self._composed.unfit(chat, target)
        able = target.capabilities
        # Thinking passes as it is, and a model that has none says so itself.
        reason = fitness.unfit(chat, able, adapted=("reasoning_effort",))
        if reason is None and not able.prefill and _ends_with_assistant(chat):
            return "an assistant's message at the end can't be continued"
        return reason

    def adapted(self, chat: Chat, target: Target) -> tuple[str, ...]:
        """What the target will not follow exactly: thinking, when it is another model than the client's."""
        request = _request_of(chat)
        if request is None:
            return self._composed.adapted(chat, target)
        if target.model == request.model:
            return ()
        phrase = thinking_fitted(request.fields, target)[1]
        return () if phrase is None else (phrase,)

    def call(self, chat: Chat, target: Target, key: str | None) -> Call:
        """The client's request with the target's model in it."""
        request = _request_of(chat)
        if request is None:
            return self._composed.call(chat, target, key)
        return Call(PATH, request_headers(request, key), with_model(request, target))

    def answer(self, chat: Chat, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:
        """Judge a whole reply. A good one passes byte for byte."""
        if _request_of(chat) is None:
            return self._composed.answer(chat, target, reply, created_s=created_s)
        answer = self.dialect.answer(chat, target, reply, created_s=created_s)
        return answer if isinstance(answer, Fault) else structs.replace(answer, body=reply.body)

    def reader(self, chat: Chat, target: Target, *, created_s: int = 0) -> StreamReader:
        """A reader whose events carry Anthropic's own."""
        reader = self.dialect.reader(chat, target, created_s=created_s)
        return reader if _request_of(chat) is None else NativeReader(reader)

    @property
    def _composed(self) -> Fitted:
        # Thinking and a beginning that is to be continued exclude each other.
        return Fitted(self.dialect, spared_thinking)


def _request_of(chat: Chat) -> Ask | None:
    """The client's request, if the chat still means the same."""
    return None if chat.continues else chat.origin


def request_headers(request: Ask, key: str | None) -> tuple[tuple[str, str], ...]:
    """The headers of a call, with those of the client that Anthropic must see."""
    given = dict(request.headers)
    headers = [
        ("content-type", "application/json"),
        ("accept", "text/event-stream" if request.stream else "application/json"),
        ("anthropic-version", given.get("anthropic-version", API_VERSION)),
    ]
    if beta := given.get("anthropic-beta"):
        headers.append(("anthropic-beta", beta))
    if key is not None:
        headers.append(("x-api-key", key))
    return tuple(headers)


def with_model(request: Ask, target: Target) -> bytes:
    """The body for a target: byte for byte the client's, when nothing has to change."""
    fields: Mapping[str, msgspec.Raw] = request.fields
    if target.model != request.model:
        # Before the thoughts are looked at: what they must be depends on the form of thinking.
        fields = thinking_fitted(fields, target)[0]
    fields = signed_fields(fields)
    if fields is request.fields and target.model == request.model:
        return request.body
    if asks_for_thinking(request.fields) and not asks_for_thinking(fields):
        fields = without_thought_edits(fields)
    return msgspec.json.encode({**fields, "model": msgspec.Raw(msgspec.json.encode(target.model))})


def _ends_with_assistant(chat: Chat) -> bool:
    messages: Any = chat.deep["messages"]
    return bool(messages[-1].get("role") == "assistant")

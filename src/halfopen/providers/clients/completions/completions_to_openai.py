"""Completions served by OpenAI and the servers of its dialect.

Where the target completes bare prompts itself, the request passes with only the model's name
changed and the answer byte for byte; else it goes through a chat completion. An answer that was cut
is gone on with as a chat: its delivered text is then a message of the assistant.
"""

from dataclasses import dataclass

from halfopen.model import Fault, Reply, Target
from halfopen.providers.chat import Chat
from halfopen.providers.clients.completions.chat_to_completions import chat_to_completions
from halfopen.providers.clients.completions.completions_answer import judge
from halfopen.providers.clients.completions.completions_stream import CompletionsReader
from halfopen.providers.clients.completions.request import Completion
from halfopen.providers.clients.composed import Composed
from halfopen.providers.clients.native import NativeReader
from halfopen.providers.clients.openai_call import relayed
from halfopen.providers.compatible import Compatible
from halfopen.providers.contract import Answer, Call, Dialect, StreamReader, Translation


def completions_to_openai(dialect: Dialect, target: Target) -> Translation:
    """How a target of OpenAI's dialect serves completions."""
    through_chat = Composed(dialect, chat_to_completions)
    return Native(dialect, through_chat) if dialect.speaks("completions", target) else through_chat


@dataclass(frozen=True, slots=True)
class Native:
    """A `Translation` between equals."""

    dialect: Dialect
    through_chat: Composed

    def unfit(self, chat: Chat, target: Target) -> str | None:
        """Why the target can't do what the request asks for, in a few words; None: it can."""
        if _request(chat) is None and not isinstance(self.dialect, Compatible):
            return "no chat completions"  # OpenAI's own models that complete prompts do nothing else
        return self.dialect.unfit(chat, target)

    def adapted(self, chat: Chat, target: Target) -> tuple[str, ...]:
        """Nothing, when the request passes as it is."""
        return () if _request(chat) is not None else self.through_chat.adapted(chat, target)

    def call(self, chat: Chat, target: Target, key: str | None) -> Call:
        """The upstream's request."""
        request = _request(chat)
        if request is None:
            return self.through_chat.call(chat, target, key)
        return relayed(self.dialect, "/completions", request, target, key)

    def answer(self, chat: Chat, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:
        """Judge a whole reply. A good one passes byte for byte."""
        request = _request(chat)
        if request is None:
            return self.through_chat.answer(chat, target, reply, created_s=created_s)
        return judge(request, reply)

    def reader(self, chat: Chat, target: Target, *, created_s: int = 0) -> StreamReader:
        """A reader of one streamed reply. Its bytes pass."""
        request = _request(chat)
        if request is None:
            return self.through_chat.reader(chat, target, created_s=created_s)
        return NativeReader(CompletionsReader(chat, request))


def _request(chat: Chat) -> Completion | None:
    """What the client asked, word for word; None: the chat goes on with an answer, or is no translation."""
    return chat.origin if isinstance(chat.origin, Completion) and not chat.continues else None

"""A client's dialect served by a provider of another: through a chat completion.

The client's `parse` has made a `Chat` of the request already. Here the provider's dialect takes it
further, and the answer comes back the same way.
"""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import structs

from halfopen.model import Fault, Reply, Target
from halfopen.providers.chat import Chat
from halfopen.providers.contract import Answer, Call, Dialect, StreamReader

Render = Callable[[Chat, Answer], bytes]
"""Makes of a whole chat completion the body of an answer in the client's dialect."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A `Translation` of chats that came as something else."""

    dialect: Dialect
    render: Render

    def unfit(self, chat: Chat, target: Target) -> str | None:
        """Why the target can't do what the request asks for, in a few words; None: it can."""
        return chat.native_only or self.dialect.unfit(chat, target)

    def adapted(self, chat: Chat, target: Target) -> tuple[str, ...]:
        """What the target will not follow exactly although it answers."""
        return (*chat.dropped, *self.dialect.adapted(chat, target))

    def call(self, chat: Chat, target: Target, key: str | None) -> Call:
        """The upstream's request."""
        return self.dialect.call(chat, target, key)

    def answer(self, chat: Chat, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:
        """Judge a whole reply and make of it an answer in the client's dialect."""
        answer = self.dialect.answer(chat, target, reply, created_s=created_s)
        return (
            answer if isinstance(answer, Fault) else structs.replace(answer, body=self.render(chat, answer))
        )

    def reader(self, chat: Chat, target: Target, *, created_s: int = 0) -> StreamReader:
        """A reader whose events are chunks; the client's writer translates them."""
        return self.dialect.reader(chat, target, created_s=created_s)

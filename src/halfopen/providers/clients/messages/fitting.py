"""What a Messages request is spared when another provider's model stands in.

A client of Anthropic's must give the most tokens of an answer, and gives what its own model can; it
asks for thinking because its own model thinks. Neither is a promise that an answer from elsewhere
breaks, so they are fitted to the target and told as adaptations.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import msgspec

from halfopen import errors
from halfopen.model import Fault, Kind, Reply, Target
from halfopen.providers.chat import Chat
from halfopen.providers.clients.composed import Composed
from halfopen.providers.clients.messages.chat_to_messages import message_body
from halfopen.providers.contract import Answer, Call, Dialect, StreamReader


@dataclass(frozen=True, slots=True)
class Fit:
    """A chat that was fitted to a target."""

    chat: Chat
    adapted: tuple[str, ...] = ()
    """What was changed, a short ASCII phrase each."""
    unfit: str | None = None
    """Why it can't be fitted."""


Fitting = Callable[[Chat, Dialect, Target], Fit]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A `Translation` of Messages requests through chats that are fitted to the target first."""

    dialect: Dialect
    fit: Fitting

    def unfit(self, chat: Chat, target: Target) -> str | None:
        """Why the target can't do what the request asks for, in a few words; None: it can."""
        if chat.native_only is not None:
            return chat.native_only
        fit = self.fit(chat, self.dialect, target)
        return fit.unfit or self._composed.unfit(fit.chat, target)

    def adapted(self, chat: Chat, target: Target) -> tuple[str, ...]:
        """What the target will not follow exactly although it answers."""
        fit = self.fit(chat, self.dialect, target)
        return (*self._composed.adapted(fit.chat, target), *fit.adapted)

    def call(self, chat: Chat, target: Target, key: str | None) -> Call:
        """The upstream's request."""
        return self._composed.call(self.fit(chat, self.dialect, target).chat, target, key)

    def answer(self, chat: Chat, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:
        """Judge a whole reply and make a message of it."""
        try:
            return self._composed.answer(chat, target, reply, created_s=created_s)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            # The judge looks only as deep as it must; the message is decoded here.
            message = f"The answer can't be decoded: {problem}."
            return errors.make(Kind.MALFORMED_ANSWER, message, status=reply.status, body=reply.body)

    def reader(self, chat: Chat, target: Target, *, created_s: int = 0) -> StreamReader:
        """A reader whose events are chunks."""
        return self._composed.reader(chat, target, created_s=created_s)

    @property
    def _composed(self) -> Composed:
        return Composed(self.dialect, message_body)


def limited(chat: Chat, target: Target) -> Fit:
    """The chat with no more output tokens than the target has."""
    most, asked = target.capabilities.output_tokens, chat.value("max_completion_tokens")
    if most is None or not isinstance(asked, int) or asked <= most:
        return Fit(chat)
    changed = with_field(chat, "max_completion_tokens", most)
    return Fit(changed, (f"max_tokens is {most}, the most there is",))


def spared_thinking(chat: Chat, dialect: Dialect, target: Target) -> Fit:
    """The chat without its effort, if that is all that the target can't do."""
    if "reasoning_effort" not in chat.fields or dialect.unfit(chat, target) is None:
        return Fit(chat)
    spared = without(chat, ("reasoning_effort",))
    if dialect.unfit(spared, target) is not None:
        return Fit(chat)
    return Fit(spared, ("thinking has no effect",))


def without(chat: Chat, names: Collection[str]) -> Chat:
    """The chat without some fields; the same object when it has none of them."""
    if not any(name in chat.fields for name in names):
        return chat
    return _of_fields(chat, {name: raw for name, raw in chat.fields.items() if name not in names})


def with_field(chat: Chat, name: str, value: object) -> Chat:
    """The chat with another value of one field."""
    return _of_fields(chat, {**chat.fields, name: msgspec.Raw(msgspec.json.encode(value))})


def _of_fields(chat: Chat, fields: dict[str, msgspec.Raw]) -> Chat:
    return replace(chat, body=msgspec.json.encode(fields))

"""Providers: each dialect's requests, answers, streams and errors, and what its models can do."""

from collections.abc import Mapping
from types import MappingProxyType

from halfopen.providers.anthropic import ANTHROPIC
from halfopen.providers.ask import Ask
from halfopen.providers.chat import Chat
from halfopen.providers.chat_request import parse_chat
from halfopen.providers.client import ClientDialect, ClientRequest, Failure, Writer
from halfopen.providers.clients.chat import CHAT
from halfopen.providers.compatible import FLAVOURS, Compatible, recognise
from halfopen.providers.contract import (
    Answer,
    Call,
    Dialect,
    Form,
    StreamEvent,
    StreamKind,
    StreamReader,
    Translation,
)
from halfopen.providers.gemini import GEMINI
from halfopen.providers.openai import OPENAI

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {"openai": OPENAI, "anthropic": ANTHROPIC, "gemini": GEMINI}
)
"""The dialects by the names that the configuration uses."""


def dialect_of(name: str, flavour: str | None = None, base_url: str = "") -> Dialect:
    """The dialect of a provider, with the variations of its server.

    Args:
        name: openai, anthropic or gemini.
        flavour: A name of `FLAVOURS`, if the configuration says one. Only for openai.
        base_url: The provider's address, which tells some flavours where none is said.

    Raises:
        KeyError: The name or the flavour is not known; the configuration is checked before.
    """
    if name != "openai":
        return DIALECTS[name]
    found = FLAVOURS[flavour] if flavour else recognise(base_url)
    return OPENAI if found is None else Compatible(found)


__all__ = [
    "CHAT",
    "DIALECTS",
    "FLAVOURS",
    "Answer",
    "Ask",
    "Call",
    "Chat",
    "ClientDialect",
    "ClientRequest",
    "Dialect",
    "Failure",
    "Form",
    "StreamEvent",
    "StreamKind",
    "StreamReader",
    "Translation",
    "Writer",
    "dialect_of",
    "parse_chat",
]

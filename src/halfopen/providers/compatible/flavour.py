"""How a server that speaks OpenAI's dialect departs from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from halfopen.model import Capabilities


@dataclass(frozen=True, slots=True)
class Flavour:
    """One kind of server with an OpenAI-shaped API."""

    name: str
    source: str
    """Where the server's maker documents what is said here."""
    base_url: str | None = None
    """Where it listens by default; None: everybody has an address of their own."""
    hosts: tuple[str, ...] = ()
    """Host names that are certainly this server; one that starts with a dot is a suffix."""
    port: int | None = None
    """A port that only this server uses by default, so that the address tells the flavour."""
    renames: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Request fields that go by another name there."""
    drops: frozenset[str] = frozenset()
    """Fields that are refused there and change nothing in the answer, so they are left out."""
    refuses: frozenset[str] = frozenset()
    """Fields that are refused or ignored there and matter: a request that asks for one is not sent.

    One that asks for nothing (`logprobs` of false) is left out, because some servers refuse the name."""
    refuses_in_messages: frozenset[str] = frozenset()
    """The same, of the fields of a message."""
    short_call_ids: bool = False
    """Whether ids of tool calls must be nine letters or digits there."""
    lacks: frozenset[str] = frozenset()
    """Names of capabilities that no model there has; a model's own settings can say otherwise."""
    speaks: frozenset[str] = frozenset(("completions", "embeddings"))
    """The dialects of clients, beside chat, that it serves itself."""
    key_header: str = "authorization"
    """The header of the key: `authorization` (as a bearer token), or one that takes it bare."""

    def narrowed(self, capabilities: Capabilities) -> Capabilities:
        """What a model of these capabilities can do behind this server."""
        lacks: dict[str, Any] = dict.fromkeys(self.lacks, False)
        return replace(capabilities, **lacks)

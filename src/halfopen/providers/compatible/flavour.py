"""How a server that speaks OpenAI's dialect departs from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


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
    """Fields that are refused or ignored there and matter: a request with one is not sent."""
    refuses_in_messages: frozenset[str] = frozenset()
    """The same, of the fields of a message."""
    lacks: frozenset[str] = frozenset()
    """Names of capabilities that no model there has, whatever the catalogue says."""
    key_header: str = "authorization"
    """The header of the key: `authorization` (as a bearer token), or one that takes it bare."""

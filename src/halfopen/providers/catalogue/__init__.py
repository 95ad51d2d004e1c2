"""Models, their limits, capabilities and prices: dated, sourced, and overridable in the configuration.

What is not known is not checked: an unknown model gets the defaults of its family or dialect.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from halfopen.model import Capabilities, Price
from halfopen.providers.catalogue import anthropic, embeddings, gemini, openai
from halfopen.providers.catalogue.entry import Entry, Family
from halfopen.providers.catalogue.routes import DEFAULT_ROUTES, OWN_ROUTES

AS_OF = "2026-11-23"
"""The day on which the rows were last compared with their sources."""

MODELS: Mapping[str, Mapping[str, Entry]] = MappingProxyType(
    {
        dialect: MappingProxyType({entry.model: entry for entry in entries})
        for dialect, entries in (
            ("openai", openai.ENTRIES),
            ("anthropic", anthropic.ENTRIES),
            ("gemini", gemini.ENTRIES),
        )
    }
)
"""The rows of the chat models, by dialect and model name."""

EMBEDDINGS: Mapping[str, Entry] = MappingProxyType({entry.model: entry for entry in embeddings.ENTRIES})
"""The rows of the embedding models, by model name: behind whatever server, the vectors are the same."""

_FAMILIES: Mapping[str, tuple[Family, ...]] = MappingProxyType(
    {"openai": openai.FAMILIES, "anthropic": anthropic.FAMILIES, "gemini": gemini.FAMILIES}
)
_DATED = re.compile(r"[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|latest|\d{3})$")
"""How vendors mark one version of a model: OpenAI, Anthropic, an alias, Gemini."""


def find(dialect: str, model: str) -> Entry | None:
    """The row of a model, also by a dated name (`gpt-4o-mini-2024-07-18`). None: not known."""
    rows = MODELS.get(dialect)
    if rows is None:
        return None
    name = model.removeprefix("models/")
    # Servers that pass on to others write the vendor before the name: openai/text-embedding-3-small.
    bare = name.rpartition("/")[2]
    return rows.get(name) or EMBEDDINGS.get(bare) or rows.get(undated(name))


def undated(model: str) -> str:
    """The name of a model without the date, or the `latest`, that marks one version of it."""
    return _DATED.sub("", model)


def known(dialect: str, model: str) -> bool:
    """Whether the catalogue has a row for a model, so that its limits are checked."""
    return find(dialect, model) is not None


def lookup(dialect: str, model: str) -> tuple[Capabilities, Price | None]:
    """What a model can do and what it costs. Never raises.

    Args:
        dialect: openai, anthropic or gemini.
        model: The provider's own name of the model; a date at its end is looked through.

    Returns:
        The capabilities (those of its family or dialect when the model is not known) and the price.
    """
    entry = find(dialect, model)
    if entry is not None:
        return entry.capabilities, entry.price
    name = model.removeprefix("models/")
    for family in _FAMILIES.get(dialect, ()):
        if re.match(family.pattern, name):
            return family.capabilities, None
    return Capabilities(), None


__all__ = [
    "AS_OF",
    "DEFAULT_ROUTES",
    "EMBEDDINGS",
    "MODELS",
    "OWN_ROUTES",
    "Entry",
    "find",
    "known",
    "lookup",
    "undated",
]

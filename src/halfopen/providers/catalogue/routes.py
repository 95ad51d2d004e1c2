"""Which models stand in for which: the routes when keys from the environment make the configuration.

A stand-in is of the same tier and takes the same kind of request: a model that takes temperature is
not backed by one that refuses it, because requests that set it could then not fail over. A model
that its vendor has turned off is answered by the vendor's own successor first.

Prompts go to another vendor when a stand-in answers, so the table is printed at the start and can
be replaced by routes in the configuration.
"""

from collections.abc import Mapping
from types import MappingProxyType

Targets = tuple[tuple[str, str], ...]
"""Pairs of dialect and model, in order of preference."""

# The stand-ins of a tier, by dialect. "Plain" models take temperature, "reasoning" models refuse it.
_PLAIN_SMALL: Mapping[str, str] = {
    "openai": "gpt-5.4-mini",
    "anthropic": "claude-haiku-4-5",
    "gemini": "gemini-3.5-flash-lite",
}
_PLAIN_LARGE: Mapping[str, str] = {
    "openai": "gpt-5.4",
    "anthropic": "claude-sonnet-4-6",
    "gemini": "gemini-3.5-flash",
}
_REASONING_SMALL: Mapping[str, str] = {
    "openai": "gpt-6-luna",
    "anthropic": "claude-haiku-5-5",
    "gemini": "gemini-3.5-flash-lite",
}
_REASONING_LARGE: Mapping[str, str] = {
    "openai": "gpt-6.1-sol",
    "anthropic": "claude-sonnet-5",
    "gemini": "gemini-3.8-flash",
}
_REASONING_TOP: Mapping[str, str] = {
    "openai": "gpt-6-astra",
    "anthropic": "claude-opus-5-5",
    "gemini": "gemini-3.8-flash",
}

# The route's name, its dialect, its tier, and the model that answers in its place if it is gone.
_ROWS: tuple[tuple[str, str, Mapping[str, str], str | None], ...] = (
    ("gpt-4o-mini", "openai", _PLAIN_SMALL, None),
    ("gpt-4o", "openai", _PLAIN_LARGE, None),
    ("gpt-4.1-mini", "openai", _PLAIN_SMALL, None),
    ("gpt-4.1-nano", "openai", _PLAIN_SMALL, "gpt-5.4-nano"),
    ("gpt-4.1", "openai", _PLAIN_LARGE, None),
    ("gpt-4-turbo", "openai", _PLAIN_LARGE, "gpt-5.4"),
    ("gpt-3.5-turbo", "openai", _PLAIN_SMALL, "gpt-5.4-nano"),
    ("gpt-5", "openai", _REASONING_LARGE, None),
    ("gpt-5-mini", "openai", _REASONING_SMALL, None),
    ("gpt-5-nano", "openai", _REASONING_SMALL, None),
    ("gpt-5.1", "openai", _PLAIN_LARGE, None),
    ("gpt-5.2", "openai", _PLAIN_LARGE, None),
    ("gpt-5.4", "openai", _PLAIN_LARGE, None),
    ("gpt-5.4-mini", "openai", _PLAIN_SMALL, None),
    ("gpt-5.4-nano", "openai", _PLAIN_SMALL, None),
    ("gpt-5.5", "openai", _REASONING_TOP, None),
    ("gpt-5.6-sol", "openai", _REASONING_LARGE, None),
    ("gpt-5.6-terra", "openai", _REASONING_LARGE, None),
    ("gpt-5.6-luna", "openai", _REASONING_SMALL, None),
    ("gpt-6-astra", "openai", _REASONING_TOP, None),
    ("gpt-6-sol", "openai", _REASONING_LARGE, None),
    ("gpt-6.1-sol", "openai", _REASONING_LARGE, None),
    ("gpt-6-luna", "openai", _REASONING_SMALL, None),
    ("o3", "openai", _REASONING_LARGE, None),
    ("o3-mini", "openai", _REASONING_SMALL, "gpt-5.6-terra"),
    ("o4-mini", "openai", _REASONING_SMALL, "gpt-5.6-terra"),
    ("claude-haiku-4-5", "anthropic", _PLAIN_SMALL, None),
    ("claude-haiku-5-5", "anthropic", _REASONING_SMALL, None),
    ("claude-sonnet-4-5", "anthropic", _PLAIN_LARGE, None),
    ("claude-sonnet-4-6", "anthropic", _PLAIN_LARGE, None),
    ("claude-sonnet-5", "anthropic", _REASONING_LARGE, None),
    ("claude-sonnet-5", "anthropic", _REASONING_LARGE, None),
    ("claude-opus-4-5", "anthropic", _PLAIN_LARGE, None),
    ("claude-opus-4-6", "anthropic", _PLAIN_LARGE, None),
    ("claude-opus-4-7", "anthropic", _REASONING_TOP, None),
    ("claude-opus-4-8", "anthropic", _REASONING_TOP, None),
    ("claude-opus-5", "anthropic", _REASONING_TOP, None),
    ("claude-opus-5-5", "anthropic", _REASONING_TOP, None),
    ("gemini-2.5-flash-lite", "gemini", _PLAIN_SMALL, None),
    ("gemini-2.5-flash", "gemini", _PLAIN_SMALL, None),
    ("gemini-2.5-pro", "gemini", _PLAIN_LARGE, None),
    ("gemini-3.1-pro-preview", "gemini", _PLAIN_LARGE, None),
    ("gemini-3.5-flash-lite", "gemini", _PLAIN_SMALL, None),
    ("gemini-3.5-flash", "gemini", _PLAIN_LARGE, None),
    ("gemini-3.6-flash", "gemini", _PLAIN_LARGE, None),
    ("gemini-3.7-flash", "gemini", _PLAIN_LARGE, None),
    ("gemini-3.8-flash", "gemini", _PLAIN_LARGE, None),
)


def _targets(name: str, vendor: str, tier: Mapping[str, str], successor: str | None) -> Targets:
    """The vendor's own model first, then the others in a fixed order."""
    others = tuple((dialect, model) for dialect, model in tier.items() if dialect != vendor)
    return ((vendor, successor or name), *others)


DEFAULT_ROUTES: Mapping[str, Targets] = MappingProxyType(
    {name: _targets(name, vendor, tier, successor) for name, vendor, tier, successor in _ROWS}
)
"""A model name that clients send → targets as (dialect, model), in order of preference."""

OWN_ROUTES: Mapping[str, str] = MappingProxyType(
    {
        "text-embedding-3-small": "openai",
        "text-embedding-3-large": "openai",
        "text-embedding-ada-002": "openai",
        "gemini-embedding-001": "gemini",
        "gpt-3.5-turbo-instruct": "openai",
    }
)
"""Models for which nobody stands in, with their dialect: no other has their vectors or takes bare prompts."""

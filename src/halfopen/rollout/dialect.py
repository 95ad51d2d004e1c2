"""The dialects by the names that the configuration uses."""

from collections.abc import Mapping
from types import MappingProxyType

from halfopen.providers.anthropic import ANTHROPIC
from halfopen.providers.compatible import FLAVOURS, Compatible
from halfopen.providers.contract import Dialect
from halfopen.providers.gemini import GEMINI
from halfopen.providers.openai import OPENAI

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {"openai": OPENAI, "anthropic": ANTHROPIC, "gemini": GEMINI}
)


def dialect_of(dialect: str, flavour: str | None = None) -> Dialect:
    """The dialect that speaks to a provider.

    Args:
        dialect: openai, anthropic or gemini.
        flavour: Which OpenAI-shaped server it is; None: OpenAI itself, or not known.

    Raises:
        KeyError: There is no such dialect or flavour. A checked configuration names none.
    """
    return DIALECTS[dialect] if flavour is None else Compatible(FLAVOURS[flavour])

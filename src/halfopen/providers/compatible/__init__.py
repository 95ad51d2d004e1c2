"""Servers that speak OpenAI's dialect with variations of their own: one file a flavour."""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from halfopen.providers.compatible.azure import AZURE
from halfopen.providers.compatible.deepseek import DEEPSEEK
from halfopen.providers.compatible.dialect import Compatible
from halfopen.providers.compatible.flavour import Flavour
from halfopen.providers.compatible.groq import GROQ
from halfopen.providers.compatible.llamacpp import LLAMACPP
from halfopen.providers.compatible.mistral import MISTRAL
from halfopen.providers.compatible.ollama import OLLAMA
from halfopen.providers.compatible.openrouter import OPENROUTER
from halfopen.providers.compatible.together import TOGETHER
from halfopen.providers.compatible.vllm import VLLM

FLAVOURS: Mapping[str, Flavour] = MappingProxyType(
    {
        flavour.name: flavour
        for flavour in (AZURE, DEEPSEEK, GROQ, LLAMACPP, MISTRAL, OLLAMA, OPENROUTER, TOGETHER, VLLM)
    }
)
"""The flavours by the names that the configuration uses."""


def recognise(base_url: str) -> Flavour | None:
    """Tell the flavour from an address, where that is certain. None: it isn't; nothing raises."""
    try:
        parts = urlsplit(base_url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    for flavour in FLAVOURS.values():
        if any(host.endswith(known) if known.startswith(".") else host == known for known in flavour.hosts):
            return flavour
        if flavour.port is not None and port == flavour.port:
            return flavour
    return None


__all__ = ["FLAVOURS", "Compatible", "Flavour", "recognise"]

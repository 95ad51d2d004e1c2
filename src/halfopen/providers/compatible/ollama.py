"""Ollama."""

from types import MappingProxyType

from halfopen.providers.compatible.flavour import Flavour

OLLAMA = Flavour(
    name="ollama",
    source="https://docs.ollama.com/api/openai-compatibility",
    base_url="http://127.0.0.1:11434/v1",
    hosts=("ollama.com",),
    port=11434,
    # Not among the documented fields; what it doesn't know it ignores.
    renames=MappingProxyType({"max_completion_tokens": "max_tokens"}),
    refuses=frozenset(("logit_bias",)),
    lacks=frozenset(("choices", "audio", "files")),
)

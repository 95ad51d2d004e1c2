"""Together."""

from types import MappingProxyType

from halfopen.providers.compatible.flavour import Flavour

TOGETHER = Flavour(
    name="together",
    source="https://docs.together.ai/reference/chat-completions-1",
    base_url="https://api.together.xyz/v1",
    hosts=("api.together.xyz",),
    renames=MappingProxyType({"max_completion_tokens": "max_tokens"}),
)

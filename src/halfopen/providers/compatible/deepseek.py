"""DeepSeek's own API."""

from types import MappingProxyType

from halfopen.providers.compatible.flavour import Flavour

DEEPSEEK = Flavour(
    name="deepseek",
    source="https://api-docs.deepseek.com/api/create-chat-completion",
    speaks=frozenset(),
    base_url="https://api.deepseek.com",
    hosts=("api.deepseek.com",),
    renames=MappingProxyType({"max_completion_tokens": "max_tokens"}),
    # Not among the documented fields; response_format knows text and json_object only.
    refuses=frozenset(("logit_bias", "functions", "function_call")),
    lacks=frozenset(("choices", "seed", "json_schema", "audio", "files")),
)

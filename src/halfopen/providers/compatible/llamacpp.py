"""llama.cpp's server."""

from types import MappingProxyType

from halfopen.providers.compatible.flavour import Flavour

LLAMACPP = Flavour(
    name="llamacpp",
    source="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
    base_url="http://127.0.0.1:8080/v1",
    # Every version knows the old name.
    renames=MappingProxyType({"max_completion_tokens": "max_tokens"}),
)

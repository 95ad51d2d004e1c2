"""OpenRouter. It hands fields on to the providers behind it, and translates where it must."""

from halfopen.providers.compatible.flavour import Flavour

OPENROUTER = Flavour(
    name="openrouter",
    source="https://openrouter.ai/docs/api-reference/overview",
    base_url="https://openrouter.ai/api/v1",
    hosts=("openrouter.ai",),
)

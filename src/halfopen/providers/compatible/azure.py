"""Azure OpenAI, by its v1 API (`https://RESOURCE.openai.azure.com/openai/v1`).

A model's name is the name of a deployment there.
"""

from halfopen.providers.compatible.flavour import Flavour

AZURE = Flavour(
    name="azure",
    source="https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle",
    speaks=frozenset(("responses", "embeddings")),
    hosts=(".openai.azure.com",),
    key_header="api-key",
)

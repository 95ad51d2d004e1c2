"""Mistral's own API. It answers 422 (extra_forbidden) to a field that it doesn't know."""

from types import MappingProxyType

from halfopen.providers.compatible.flavour import Flavour

MISTRAL = Flavour(
    name="mistral",
    source="https://docs.mistral.ai/api",
    speaks=frozenset(("embeddings",)),
    base_url="https://api.mistral.ai/v1",
    hosts=("api.mistral.ai",),
    renames=MappingProxyType({"seed": "random_seed", "max_completion_tokens": "max_tokens"}),
    # The last chunk of its streams carries the usage unasked.
    drops=frozenset(("stream_options", "user", "store", "safety_identifier", "service_tier")),
    refuses=frozenset(("logit_bias", "logprobs", "top_logprobs", "functions", "function_call")),
    # "Tool call id was … but must be a-z, A-Z, 0-9, with a length of 9."
    short_call_ids=True,
    lacks=frozenset(("logprobs", "audio")),
)

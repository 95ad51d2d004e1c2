"""Groq."""

from halfopen.providers.compatible.flavour import Flavour

GROQ = Flavour(
    name="groq",
    source="https://console.groq.com/docs/openai",
    speaks=frozenset(),
    base_url="https://api.groq.com/openai/v1",
    hosts=("api.groq.com",),
    # "Not supported and will result in a 400 error if they are supplied"; n must be 1.
    refuses=frozenset(("logprobs", "logit_bias", "top_logprobs")),
    refuses_in_messages=frozenset(("name",)),
    lacks=frozenset(("choices", "logprobs")),
)

"""Rate limits of a provider, which `[providers.NAME]` and its models state alike."""

from typing import Annotated

from msgspec import Meta

RATE_MAX = 1_000_000_000.0
"""No rate limit is above a thousand million a minute."""


def _per_minute(text: str, example: float) -> Meta:
    return Meta(
        ge=0, le=RATE_MAX, description=f"{text} 0: not known.", examples=[example], extra={"unit": "a minute"}
    )


RequestRate = Annotated[
    float, _per_minute("Most requests that the provider takes for each model and key.", 500)
]
TokenRate = Annotated[
    float, _per_minute("Most tokens, in and out together, for each model and key.", 200_000)
]
InputTokenRate = Annotated[float, _per_minute("Most tokens of prompts, for each model and key.", 50_000)]
OutputTokenRate = Annotated[float, _per_minute("Most tokens of answers, for each model and key.", 10_000)]

"""`[providers.NAME.models."MODEL"]`: what the catalogue doesn't know, or has wrong."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from halfopen.rollout.settings.rates import InputTokenRate, OutputTokenRate, RequestRate, TokenRate
from halfopen.rollout.settings.table import Table

_TOKENS_MAX = 100_000_000
_DIMENSIONS_MAX = 1_000_000


def _ability(text: str) -> Meta:
    return Meta(description=text, examples=[True])


class Model(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one model can do and costs. Overrides catalogue and provider; what is not given stays as there."""

    context_tokens: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=_TOKENS_MAX,
                description="Tokens of prompt and answer together.",
                examples=[200_000],
                extra={"unit": "tokens"},
            ),
        ]
        | UnsetType
    ) = UNSET
    output_tokens: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=_TOKENS_MAX,
                description="Most tokens in one answer.",
                examples=[64_000],
                extra={"unit": "tokens"},
            ),
        ]
        | UnsetType
    ) = UNSET
    tools: Annotated[bool, _ability("Whether it can call tools.")] | UnsetType = UNSET
    parallel_tools: Annotated[bool, _ability("Whether it can call several tools at once.")] | UnsetType = (
        UNSET
    )
    images: Annotated[bool, _ability("Whether it can see images.")] | UnsetType = UNSET
    image_urls: (
        Annotated[bool, _ability("Whether images may be given by URL, not only inline.")] | UnsetType
    ) = UNSET
    json_schema: Annotated[bool, _ability("Whether it can keep to a JSON Schema.")] | UnsetType = UNSET
    json_object: Annotated[bool, _ability("Whether it can be held to JSON of any shape.")] | UnsetType = UNSET
    system: Annotated[bool, _ability("Whether it takes a system message.")] | UnsetType = UNSET
    stop_max: (
        Annotated[int, Meta(ge=0, le=1000, description="Most stop sequences in a request.", examples=[4])]
        | UnsetType
    ) = UNSET
    seed: Annotated[bool, _ability("Whether it takes a seed.")] | UnsetType = UNSET
    sampling: Annotated[bool, _ability("Whether it takes temperature and top_p.")] | UnsetType = UNSET
    logprobs: Annotated[bool, _ability("Whether it reports log probabilities.")] | UnsetType = UNSET
    choices: Annotated[bool, _ability("Whether it can give several answers to one request.")] | UnsetType = (
        UNSET
    )
    reasoning: Annotated[bool, _ability("Whether it reasons before it answers.")] | UnsetType = UNSET
    prefill: (
        Annotated[bool, _ability("Whether it continues an assistant message at the end.")] | UnsetType
    ) = UNSET
    audio: Annotated[bool, _ability("Whether it takes audio in and gives it out.")] | UnsetType = UNSET
    files: Annotated[bool, _ability("Whether files may be part of a message.")] | UnsetType = UNSET
    vector_space: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=100,
                description="Name of the space of an embedding model's vectors. Only targets with the same "
                "name stand in for one another.",
                examples=["text-embedding-3-small"],
            ),
        ]
        | UnsetType
    ) = UNSET
    vector_dimensions: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=_DIMENSIONS_MAX,
                description="Numbers in an embedding when the request asks for no fewer.",
                examples=[1536],
                extra={"unit": "dimensions"},
            ),
        ]
        | UnsetType
    ) = UNSET
    shorter_vectors: (
        Annotated[bool, _ability("Whether a request may ask for embeddings of fewer dimensions.")] | UnsetType
    ) = UNSET
    input_price: (
        Annotated[
            float,
            Meta(
                ge=0,
                le=100_000,
                description="Price of a million input tokens. Goes with output_price.",
                examples=[1.0],
                extra={"unit": "US dollars"},
            ),
        ]
        | UnsetType
    ) = UNSET
    output_price: (
        Annotated[
            float,
            Meta(
                ge=0,
                le=100_000,
                description="Price of a million output tokens. Goes with input_price.",
                examples=[5.0],
                extra={"unit": "US dollars"},
            ),
        ]
        | UnsetType
    ) = UNSET
    requests_per_minute: RequestRate | UnsetType = UNSET
    tokens_per_minute: TokenRate | UnsetType = UNSET
    input_tokens_per_minute: InputTokenRate | UnsetType = UNSET
    output_tokens_per_minute: OutputTokenRate | UnsetType = UNSET

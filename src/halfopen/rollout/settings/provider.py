"""`[providers.NAME]`: somebody who answers, and how to reach them."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from halfopen.rollout.settings.model import Model
from halfopen.rollout.settings.rates import InputTokenRate, OutputTokenRate, RequestRate, TokenRate
from halfopen.rollout.settings.table import Table, number, seconds

LOCAL_ONLY = ("gguf", "context_tokens", "threads", "start_s", "parallel", "answer_tokens")
"""Settings that only a provider with `local = true` has."""


def _local(low: float, high: float, text: str, example: float, unit: str) -> Meta:
    """A number that only a provider with `local = true` has."""
    return Meta(ge=low, le=high, description=f"For `local`. {text}", examples=[example], extra={"unit": unit})


class Provider(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who answers, and how to reach them. Targets use the table's name before the slash."""

    dialect: (
        Annotated[
            Literal["openai", "anthropic", "gemini"],
            Meta(
                description="The API that it speaks. Needed unless `local` is true. Ollama, vLLM, llama.cpp, "
                "Groq and other servers with an OpenAI-shaped API are `openai`.",
                examples=["openai"],
            ),
        ]
        | UnsetType
    ) = UNSET
    base_url: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=2048,
                description="Address of the API, before the part that names the operation. That of most "
                "`openai` servers ends in /v1; for `anthropic` a /v1 and for `gemini` a /v1beta at the end "
                "may be there or not. Default: the vendor's own.",
                examples=["https://api.openai.com/v1"],
            ),
        ]
        | UnsetType
    ) = UNSET
    key: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=4096,
                description="The API key, always as a reference to an environment variable. A key may be "
                "written out only for a server on this machine.",
                examples=["${OPENAI_API_KEY}"],
            ),
        ]
        | UnsetType
    ) = UNSET
    keys: (
        Annotated[
            tuple[Annotated[str, Meta(min_length=1, max_length=4096)], ...],
            Meta(
                min_length=1,
                max_length=100,
                description="Several API keys instead of one, each a reference as `key`. A key that was "
                "refused or is used up rests, and another takes the call.",
                examples=[["${OPENAI_API_KEY}", "${OPENAI_API_KEY_2}"]],
            ),
        ]
        | UnsetType
    ) = UNSET
    flavour: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=64,
                description="Which server with an OpenAI-shaped API it is, where that makes a difference.",
                examples=["vllm"],
            ),
        ]
        | UnsetType
    ) = UNSET
    headers: Annotated[
        dict[str, str],
        Meta(
            max_length=64,
            description="Headers to add to every call. A value may hold `${VARIABLE}`; a secret must.",
            examples=[{"OpenAI-Organization": "${OPENAI_ORG}"}],
        ),
    ] = field(default_factory=dict)
    connect_s: Annotated[float, seconds(0.1, 60, "A connection is up, TLS included, by then.")] = 5.0
    connections_max: Annotated[
        int, number(1, 10_000, "Connections open at once, to one worker.", "connections")
    ] = 256
    idle_s: Annotated[
        float, seconds(0, 3600, "An unused connection is kept this long. 0: never used again.")
    ] = 30.0
    requests_per_minute: RequestRate | UnsetType = UNSET
    tokens_per_minute: TokenRate | UnsetType = UNSET
    input_tokens_per_minute: InputTokenRate | UnsetType = UNSET
    output_tokens_per_minute: OutputTokenRate | UnsetType = UNSET
    models: Annotated[
        dict[Annotated[str, Meta(min_length=1, max_length=256)], Model],
        Meta(description="Corrections to the catalogue, by the provider's own model name."),
    ] = field(default_factory=dict)
    local: Annotated[
        bool,
        Meta(
            description="Whether Halfopen starts and watches the model itself, as the last resort: needs the "
            "extra `local`, and neither base_url nor a key."
        ),
    ] = False
    gguf: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=4096,
                description="Model file for `local`. Default: the small model of the installed package.",
                examples=["/var/lib/models/gemma-3-270m.gguf"],
            ),
        ]
        | UnsetType
    ) = UNSET
    context_tokens: (
        Annotated[
            int,
            _local(256, 1_048_576, "Tokens of prompt and answer together. Default: 4096.", 4096, "tokens"),
        ]
        | UnsetType
    ) = UNSET
    threads: (
        Annotated[int, _local(1, 1024, "Threads that compute. Default: one for each core.", 2, "threads")]
        | UnsetType
    ) = UNSET
    start_s: (
        Annotated[float, _local(1, 600, "A start that takes longer has failed. Default: 60.", 60, "seconds")]
        | UnsetType
    ) = UNSET
    parallel: (
        Annotated[
            int, _local(1, 64, "Requests answered at the same time; more wait. Default: 2.", 2, "requests")
        ]
        | UnsetType
    ) = UNSET
    answer_tokens: (
        Annotated[
            int,
            _local(
                1,
                1_048_576,
                "Most tokens of an answer when the request sets no limit. Default: 512.",
                512,
                "tokens",
            ),
        ]
        | UnsetType
    ) = UNSET

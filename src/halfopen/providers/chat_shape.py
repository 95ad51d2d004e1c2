"""What is decoded of every chat request, in one pass over its body."""

from typing import Any, Final, cast

import msgspec


class Message(msgspec.Struct, gc=False):
    """One message, as far as every request must have it."""

    role: str


class Shallow(msgspec.Struct, gc=False):
    """What every request has, or may have for the sake of how it is sent."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None


MARKED: Final = (
    "tools",
    "functions",
    "audio",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "modalities",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "service_tier",
    "stop",
    "temperature",
    "top_k",
    "top_logprobs",
    "top_p",
)
"""Fields that a model may refuse, or that say how much is asked."""
# One pass over the body reads the request and tells which of them are there.
_Read: Final = cast(
    "type[Shallow]",
    msgspec.defstruct("_Read", [(name, msgspec.Raw, msgspec.Raw()) for name in MARKED], bases=(Shallow,)),
)
READ: Final = msgspec.json.Decoder(_Read)
UNMARKED: Final = (msgspec.Raw(),) * len(MARKED)
FIELDS_BEFORE: Final = len(Shallow.__struct_fields__)

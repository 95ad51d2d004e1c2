"""A conversation outgrew the model's context window.

It comes after hours of chat, or when a long document is pasted in.
"""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_400_context_length_exceeded",
    summary="400 context_length_exceeded",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The prompt is longer than this model can read.",
    act=openai_error(
        400,
        (
            "This model's maximum context length is 128000 tokens. "
            "However, your messages resulted in 140213 tokens. Please "
            "reduce the length of the messages."
        ),
        "invalid_request_error",
        code="context_length_exceeded",
        param="messages",
    ),
    dialects=("openai",),
)

"""A conversation outgrew the model's context window."""

from halfopen.lab.acts.status import anthropic_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="anthropic_400_prompt_too_long",
    summary="400 prompt is too long",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The prompt is longer than this model can read.",
    act=anthropic_error(400, "prompt is too long: 214000 tokens > 200000 maximum"),
    dialects=("anthropic",),
)

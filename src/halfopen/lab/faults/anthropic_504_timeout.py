"""The provider took too long itself."""

from halfopen.lab.acts.status import anthropic_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="anthropic_504_timeout",
    summary="504 timeout_error",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider ran out of time on this request.",
    act=anthropic_error(504, "The request timed out while processing."),
    dialects=("anthropic",),
)

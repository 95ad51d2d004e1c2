"""The provider took too long itself, often with a long prompt."""

from halfopen.lab.acts.status import gemini_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="gemini_504_deadline_exceeded",
    summary="504 DEADLINE_EXCEEDED",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider ran out of time on this request.",
    act=gemini_error(504, "The request timed out. Please try again."),
    dialects=("gemini",),
)

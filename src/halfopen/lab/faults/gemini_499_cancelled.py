"""The provider cancelled the operation, as if the caller had."""

from halfopen.lab.acts.status import gemini_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="gemini_499_cancelled",
    summary="499 CANCELLED",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The operation was cancelled on the way.",
    act=gemini_error(499, "The operation was cancelled."),
    dialects=("gemini",),
)

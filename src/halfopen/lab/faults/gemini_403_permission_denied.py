"""The key may not use this API, or was reported as leaked."""

from halfopen.lab.acts.status import gemini_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="gemini_403_permission_denied",
    summary="403 PERMISSION_DENIED",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The key lacks a permission.",
    act=gemini_error(403, "Your API key was reported as leaked. Please use another API key."),
    dialects=("gemini",),
)

"""The model is overloaded, most of all a new one."""

from halfopen.lab.acts.status import gemini_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="gemini_503_unavailable",
    summary="503 UNAVAILABLE",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider is overloaded.",
    act=gemini_error(503, "The model is overloaded. Please try again later."),
    dialects=("gemini",),
)

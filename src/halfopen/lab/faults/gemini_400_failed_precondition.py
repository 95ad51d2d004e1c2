"""The free tier is not offered where the call comes from, or billing is not enabled."""

from halfopen.lab.acts.status import gemini_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="gemini_400_failed_precondition",
    summary="400 FAILED_PRECONDITION",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider does not serve this place or account.",
    act=gemini_error(400, "User location is not supported for the API use.", name="FAILED_PRECONDITION"),
    dialects=("gemini",),
)

"""Something broke inside the provider."""

from halfopen.lab.acts.status import anthropic_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="anthropic_500_api_error",
    summary="500 api_error",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="A fault of unknown place at the provider.",
    act=anthropic_error(500, "Internal server error"),
    dialects=("anthropic",),
)

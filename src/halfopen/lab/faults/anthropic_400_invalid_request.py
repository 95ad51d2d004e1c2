"""A parameter that the API refuses."""

from halfopen.lab.acts.status import anthropic_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="anthropic_400_invalid_request",
    summary="400 invalid_request_error",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The request is wrong as it stands.",
    act=anthropic_error(400, "messages.0.content: Input should be a valid list"),
    dialects=("anthropic",),
)

"""A field that the API refuses."""

from halfopen.lab.acts.status import gemini_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="gemini_400_invalid_argument",
    summary="400 INVALID_ARGUMENT",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The request is wrong as it stands.",
    act=gemini_error(
        400, ("* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.\n")
    ),
    dialects=("gemini",),
)

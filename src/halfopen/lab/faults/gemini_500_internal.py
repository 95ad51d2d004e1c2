"""Something broke inside the provider; a context that is too long also comes so."""

from halfopen.lab.acts.status import gemini_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="gemini_500_internal",
    summary="500 INTERNAL",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="A fault of unknown place at the provider.",
    act=gemini_error(
        500,
        (
            "An internal error has occurred. Please retry or report in "
            "https://developers.generativeai.google/guide/troubleshooting"
        ),
    ),
    dialects=("gemini",),
)

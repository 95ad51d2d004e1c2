"""A model was retired, or its name is wrong."""

from halfopen.lab.acts.status import gemini_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="gemini_404_not_found",
    summary="404 NOT_FOUND",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The model does not exist in this API version.",
    act=gemini_error(
        404,
        (
            "models/gemini-retired is not found for API version v1beta, "
            "or is not supported for generateContent. Call ListModels to "
            "see the list of available models and their supported "
            "methods."
        ),
    ),
    dialects=("gemini",),
)

"""A model was retired, or the account has no access to it."""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_404_model_not_found",
    summary="404 model_not_found",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The model does not exist for this account.",
    act=openai_error(
        404,
        ("The model `gpt-4-retired` does not exist or you do not have access to it."),
        "invalid_request_error",
        code="model_not_found",
    ),
    dialects=("openai",),
)

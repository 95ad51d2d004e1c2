"""A key was rotated, revoked or mistyped."""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_401_invalid_api_key",
    summary="401 invalid_api_key",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The key is not accepted.",
    act=openai_error(
        401,
        (
            "Incorrect API key provided: sk-lab-0****************0000. "
            "You can find your API key at "
            "https://platform.openai.com/account/api-keys."
        ),
        "invalid_request_error",
        code="invalid_api_key",
    ),
    dialects=("openai",),
)

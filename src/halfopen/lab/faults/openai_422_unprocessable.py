"""The request was understood but can't be processed."""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_422_unprocessable",
    summary="422 unprocessable entity",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The request is wrong as it stands.",
    act=openai_error(
        422,
        "Unprocessable entity: messages could not be processed.",
        "invalid_request_error",
        param="messages",
    ),
    dialects=("openai",),
)

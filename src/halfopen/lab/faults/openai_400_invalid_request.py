"""A parameter that the API refuses, often after a change of model or SDK."""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_400_invalid_request",
    summary="400 invalid_request_error",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The request is wrong as it stands.",
    act=openai_error(
        400,
        ("Invalid value for 'temperature': expected a number between 0 and 2, but got 3 instead."),
        "invalid_request_error",
        param="temperature",
    ),
    dialects=("openai",),
)

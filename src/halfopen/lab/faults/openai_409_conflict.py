"""Two requests touched one resource at once; rare, and passing."""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_409_conflict",
    summary="409 conflict",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="Something else was changing the same resource.",
    act=openai_error(
        409,
        "The resource was updated by another request. Please try again.",
        "invalid_request_error",
        code="conflict",
    ),
    dialects=("openai",),
)

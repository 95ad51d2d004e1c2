"""Images or documents made the request larger than 32 MB; the edge refuses it."""

from halfopen.lab.acts.status import anthropic_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="anthropic_413_request_too_large",
    summary="413 request_too_large",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The request has too many bytes.",
    act=anthropic_error(413, "Request exceeds the maximum size"),
    dialects=("anthropic",),
)

"""The provider gave up waiting for the request or for its own backend."""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_408_request_timeout",
    summary="408 request timeout",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider ran out of time on this request.",
    act=openai_error(408, "Request timeout.", "server_error", code="request_timeout"),
    dialects=("openai",),
)

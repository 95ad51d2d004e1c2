"""A 503 that gives its delay in milliseconds, in Azure's and OpenAI's own header."""

from halfopen.lab.acts.status import vendor_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_503_retry_after_ms",
    summary="503 with retry-after-ms",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The service is overloaded or in maintenance.",
    act=vendor_error(503, "The service is temporarily unavailable.", ("retry-after-ms", "1500")),
)

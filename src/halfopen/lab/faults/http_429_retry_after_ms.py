"""A 429 that gives its delay in milliseconds, in Azure's and OpenAI's own header."""

from halfopen.lab.acts.status import vendor_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_429_retry_after_ms",
    summary="429 with retry-after-ms",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The account is over its rate.",
    act=vendor_error(429, "Rate limit reached. Please try again later.", ("retry-after-ms", "1500")),
)

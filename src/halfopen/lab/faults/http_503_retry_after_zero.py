"""A 503 whose Retry-After is zero."""

from halfopen.lab.acts.status import vendor_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_503_retry_after_zero",
    summary="503 with Retry-After '0'",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The service is overloaded or in maintenance.",
    act=vendor_error(503, "The service is temporarily unavailable.", ("retry-after", "0")),
)

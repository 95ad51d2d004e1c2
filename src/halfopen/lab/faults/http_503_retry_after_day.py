"""A 503 whose Retry-After is a whole day."""

from halfopen.lab.acts.status import vendor_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_503_retry_after_day",
    summary="503 with Retry-After '86400'",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The service is overloaded or in maintenance.",
    act=vendor_error(503, "The service is temporarily unavailable.", ("retry-after", "86400")),
)

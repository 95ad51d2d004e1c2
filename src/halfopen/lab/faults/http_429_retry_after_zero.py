"""A 429 whose Retry-After is zero."""

from halfopen.lab.acts.status import vendor_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_429_retry_after_zero",
    summary="429 with Retry-After '0'",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The account is over its rate.",
    act=vendor_error(429, "Rate limit reached. Please try again later.", ("retry-after", "0")),
)

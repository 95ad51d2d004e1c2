"""A 429 whose Retry-After is whole seconds, the usual form."""

from halfopen.lab.acts.status import vendor_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_429_retry_after_seconds",
    summary="429 with Retry-After '2'",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The account is over its rate.",
    act=vendor_error(429, "Rate limit reached. Please try again later.", ("retry-after", "2")),
)

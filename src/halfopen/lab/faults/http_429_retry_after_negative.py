"""A 429 whose Retry-After is a negative number, as Azure has sent."""

from halfopen.lab.acts.status import vendor_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_429_retry_after_negative",
    summary="429 with Retry-After '-1'",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The account is over its rate.",
    act=vendor_error(429, "Rate limit reached. Please try again later.", ("retry-after", "-1")),
)

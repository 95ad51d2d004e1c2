"""A 429 whose Retry-After is an HTTP date."""

from halfopen.lab.acts.retry_after import dated
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_429_retry_after_date",
    summary="429 with Retry-After as an HTTP date",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The account is over its rate.",
    act=dated(429, "Rate limit reached. Please try again later."),
    options=(("delay_s", 2.0),),
)

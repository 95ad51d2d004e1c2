"""A 503 whose Retry-After is an HTTP date."""

from halfopen.lab.acts.retry_after import dated
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_503_retry_after_date",
    summary="503 with Retry-After as an HTTP date",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The service is overloaded or in maintenance.",
    act=dated(503, "The service is temporarily unavailable."),
    options=(("delay_s", 2.0),),
)

"""A 503 whose Retry-After is whole seconds, the usual form."""

from halfopen.lab.acts.status import vendor_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_503_retry_after_seconds",
    summary="503 with Retry-After '2'",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The service is overloaded or in maintenance.",
    act=vendor_error(503, "The service is temporarily unavailable.", ("retry-after", "2")),
)

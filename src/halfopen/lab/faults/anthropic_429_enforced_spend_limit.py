"""A spend limit that looks like a rate limit, but has no retry-after."""

from halfopen.lab.acts.status import anthropic_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="anthropic_429_enforced_spend_limit",
    summary="429 that is a spend limit",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The account's spend limit is reached.",
    act=anthropic_error(
        429,
        ("This request would exceed your organization's enforced spend limit."),
        details={"error_code": "enforced_spend_limit_reached"},
    ),
    dialects=("anthropic",),
)

"""The organisation used its requests or tokens of this minute."""

from halfopen.lab.acts.status import anthropic_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="anthropic_429_rate_limit",
    summary="429 rate_limit_error with retry-after",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning=("The account is over its rate; there is room again in two seconds."),
    act=anthropic_error(
        429,
        ("This request would exceed your organization's rate limit of 50 requests per minute."),
        ("retry-after", "2"),
        ("anthropic-ratelimit-requests-limit", "50"),
        ("anthropic-ratelimit-requests-remaining", "0"),
        ("anthropic-ratelimit-requests-reset", "2030-01-01T00:00:02Z"),
    ),
    dialects=("anthropic",),
)

"""The organisation used its requests or tokens of this minute.

The server says when there is room again.
"""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_429_rate_limit_exceeded",
    summary="429 rate_limit_exceeded with its limits in headers",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning=("The account is over its rate; there is room again in two seconds."),
    act=openai_error(
        429,
        (
            "Rate limit reached for gpt-4o-mini in organization org-lab "
            "on requests per min (RPM): Limit 500, Used 500, Requested "
            "1. Please try again in 2s. Visit "
            "https://platform.openai.com/account/rate-limits to learn "
            "more."
        ),
        "requests",
        ("retry-after", "2"),
        ("retry-after-ms", "2000"),
        ("x-ratelimit-limit-requests", "500"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "2s"),
        code="rate_limit_exceeded",
    ),
    dialects=("openai",),
)

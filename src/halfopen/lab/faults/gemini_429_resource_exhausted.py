"""The project used its requests of this minute.

The delay is in the body, not in a header.
"""

from halfopen.lab.acts.status import gemini_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="gemini_429_resource_exhausted",
    summary="429 RESOURCE_EXHAUSTED with RetryInfo",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning=("The account is over its rate; there is room again in two seconds."),
    act=gemini_error(
        429,
        (
            "You exceeded your current quota, please check your plan and "
            "billing details. For more information on this error, head "
            "to: https://ai.google.dev/gemini-api/docs/rate-limits. "
            "Please retry in 2s."
        ),
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                "violations": [
                    {
                        "quotaMetric": (
                            "generativelanguage.googleapis.com/generate_content_free_tier_requests"
                        ),
                        "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
                        "quotaDimensions": {"location": "global", "model": "gemini-2.5-flash"},
                        "quotaValue": "10",
                    }
                ],
            },
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"},
        ],
    ),
    dialects=("gemini",),
)

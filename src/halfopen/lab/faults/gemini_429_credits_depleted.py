"""The prepaid credit is used up; a RetryInfo comes all the same."""

from halfopen.lab.acts.status import gemini_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="gemini_429_credits_depleted",
    summary="429 RESOURCE_EXHAUSTED without credit",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The account has no credit.",
    act=gemini_error(
        429,
        ("Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing."),
        details=[{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"}],
    ),
    dialects=("gemini",),
)

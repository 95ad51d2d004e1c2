"""The prepaid credit is used up."""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_429_credit_balance_exhausted",
    summary="429 insufficient_quota, code credit_balance_exhausted",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The account has no money or quota left until somebody acts.",
    act=openai_error(
        429,
        "Your credit balance is exhausted. Add credits to continue.",
        "insufficient_quota",
        code="credit_balance_exhausted",
    ),
    dialects=("openai",),
)

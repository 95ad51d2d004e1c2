"""The prepaid credit is used up.

It comes as a 400, as if the request were wrong.
"""

from halfopen.lab.acts.status import anthropic_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="anthropic_400_credit_balance",
    summary="400 that is an empty account",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The account has no credit.",
    act=anthropic_error(
        400,
        (
            "Your credit balance is too low to access the Anthropic API. "
            "Please go to Plans & Billing to upgrade or purchase credits."
        ),
    ),
    dialects=("anthropic",),
)

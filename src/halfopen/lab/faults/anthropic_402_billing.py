"""Something is wrong with the payment."""

from halfopen.lab.acts.status import anthropic_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="anthropic_402_billing",
    summary="402 billing_error",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The account can't pay.",
    act=anthropic_error(402, "There is an issue with your billing or payment information."),
    dialects=("anthropic",),
)

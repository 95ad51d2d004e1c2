"""The workspace's own spend limit was reached.

It comes as a 400, as if the request were wrong.
"""

from halfopen.lab.acts.status import anthropic_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="anthropic_400_spend_limit",
    summary="400 that is a spend limit",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The account's spend limit is reached until a date.",
    act=anthropic_error(
        400,
        (
            "You have reached your specified API usage limits. You will "
            "regain access on 2027-01-01 at 00:00 UTC."
        ),
    ),
    dialects=("anthropic",),
)
